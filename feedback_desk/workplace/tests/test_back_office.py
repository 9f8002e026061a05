"""The back office: roles open it (V1), nothing stands there unmasked (V4), nobody named finds their matter (V3), states move elsewhere."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.urls import reverse

from complaints.models import ComplaintForm, GradingRule
from feedback_desk import clock
from feedback_desk.deadlines import tasks
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.notices.database_clock import database_now
from feedback_desk.notices.models import Notice, NoticeState, ServiceState
from feedback_desk.people import services
from feedback_desk.people.models import Concern
from feedback_desk.records import history, items
from feedback_desk.records.models import Attachment, Entry, Kind
from tickets.models import Category, Contact, ContactPoint, Customer, EmptyPhrase, PriorityRule, Ticket

PHONE, EMAIL, ADDRESS = "13812342071", "chen@example.com", "武汉市洪山区珞喻路 1 号"


def page(model, kind="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def models_of_the_rooms():
    """Every model of ours that has a page, whatever room it is from."""
    return [m for m in admin.site._registry if m._meta.app_label != "reports"]


@pytest.fixture
def matter(cast):
    """A complaint with everything that hangs on one, as rows."""
    at = clock.now()
    customer = Customer.objects.create(number="CS20260302001", name="陈雨瑶", contact_name="陈雨瑶", created_at=at)
    for kind, value in (("phone", PHONE), ("email", EMAIL), ("address", ADDRESS)):
        ContactPoint.of(customer, kind, value).save()
    ticket = make_ticket(customer, cast)
    form = ComplaintForm.objects.create(item=make_item(Kind.FORM, root=ticket.item), ticket=ticket, opened_at=at, state_since=at)
    history.record(ticket.item, "register", by=cast.agent, at=at, reason=f"电话 {PHONE}")
    Contact.objects.create(item=ticket.item, at=at, recorded_at=at, by=cast.agent, way="call_out", said=f"打了 {PHONE}", customer_says=EMAIL)
    rule = Rule.objects.get(code="D14")
    Deadline.objects.create(
        item=form.item, root=ticket.item, rule=rule, code="D14", owner=cast.manager, owner_role="cs_manager",
        start_at=at, due_at=at + timedelta(hours=24), warn_at=at,
    )  # fmt: skip
    Notice.objects.create(
        key="x:1:email", cause="x", item=ticket.item, channel="email", template="step", created_at=at, send_after=at, state=NoticeState.FAILED,
        attempts=8, last_error=f"550 no such user <{EMAIL}>",
    )
    Attachment.objects.create(item=ticket.item, file="x", name="照片.png", content_type="image/png", size=1, sha256="0" * 64, uploaded_at=at)
    services.name_concerned(ticket.item, cast.person_concerned, because="由客户指明", by=cast.manager, at=at)
    return ticket


def make_item(kind, **fields):
    item = items.open_item(kind, title="配送员态度差", at=clock.now(), **fields)
    items.give_number(item, at=clock.now())
    return item


def make_ticket(customer, cast):
    at = clock.now()
    item = make_item(Kind.TICKET, holder=cast.agent)
    return Ticket.objects.create(
        item=item, customer=customer, type="complaint", category=Category.objects.get(slug="service-attitude"), channel="phone", received_at=at,
        registered_at=at, registered_by=cast.agent, assignee=cast.agent, state_since=at, what_happened=f"请回电 {PHONE}", remark=ADDRESS,
    )


def pages_of(model, matter):
    """List, adding, and the page of one row, as far as there are."""
    row = admin.site._registry[model].model._default_manager.first()
    return [page(model), page(model, "add"), *([page(model, "change", row.pk)] if row else [])]


def test_V1_every_page_opens_for_an_administrator_and_none_for_an_agent(client, cast, matter):
    for model in models_of_the_rooms():
        for url in pages_of(model, matter):
            client.force_login(cast.administrator)
            read_only_add = url.endswith("/add/") and not getattr(admin.site._registry[model], "adds", False)
            assert client.get(url).status_code == (403 if read_only_add else 200), url
            client.force_login(cast.agent)
            assert client.get(url).status_code in (302, 403), url


def test_V1_the_staff_flag_opens_nothing(client, cast):
    assert cast.agent.is_staff
    client.force_login(cast.agent)
    assert client.get(reverse("admin:index")).status_code == 302
    cast.manager.is_staff = False
    cast.manager.save(update_fields=["is_staff"])
    client.force_login(cast.manager)
    assert client.get(reverse("admin:index")).status_code == 200


def test_V1_an_agent_at_the_door_is_refused_on_record_and_a_stranger_is_asked_to_sign_in(client, cast):
    answer = client.get(page(Ticket))
    assert client.get(answer["Location"])["Location"].startswith(reverse("people:sign_in"))
    client.force_login(cast.agent)
    assert client.get(page(Ticket), follow=True).status_code == 403
    assert cast.agent.refusals.get().verb == "back office"


def test_the_sidebar_shows_four_groups_and_the_machinery(client, cast, matter):
    client.force_login(cast.administrator)
    text = client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()
    for words in ("Limits have not been checked yet", "1 notice failed", page(Rule), page(ComplaintForm), page(Notice)):
        assert words in text
    tasks.sign(database_now(), 0)
    assert "Limits checked 0 s ago, nothing behind" in client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()
    ServiceState.objects.update(at=database_now() - timedelta(minutes=5, seconds=2))
    assert "Limits not checked for 5 minutes" in client.get(reverse("admin:index"), headers={"accept-language": "en"}).content.decode()


def test_times_in_english_are_said_as_at_the_desk(client, cast, matter):
    client.force_login(cast.administrator)
    text = client.get(page(Entry), headers={"accept-language": "en"}).content.decode()
    assert re.search(r"[ap]\.m\.", text) is None
    assert re.search(r", 20\d\d, \d\d:\d\d", text)


def test_V1_management_looks_and_configures_nothing(client, cast, matter):
    client.force_login(cast.manager)
    before = Category.objects.count()
    for model in models_of_the_rooms():
        for url in pages_of(model, matter):
            assert client.get(url).status_code == (403 if url.endswith("/add/") else 200), url
            assert client.post(url, {"name": "x", "slug": "x", "order": 1, "action": "delete_selected"}).status_code in (200, 302, 403), url
    assert Category.objects.count() == before
    assert not LogEntry.objects.exists()


def test_V1_supervisors_do_not_read_measures_or_who_read_what(client, cast):
    client.force_login(cast.supervisor)
    for name in ("complaints_disposition", "records_reading", "people_refusal", "admin_logentry"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403


def test_V1_groups_and_tables_of_libraries_have_no_page():
    assert not admin.site.is_registered(Group)
    ours = {"people", "records", "notices", "deadlines", "tickets", "complaints", "followups", "reports", "admin"}
    assert {m._meta.app_label for m in admin.site._registry} <= ours


def test_V4_no_page_shows_contact_data(client, cast, matter):
    client.force_login(cast.administrator)
    for model in models_of_the_rooms():
        for url in pages_of(model, matter):
            text = client.get(url).content.decode()
            for plain in (PHONE, PHONE[3:], EMAIL, "珞喻路", "陈雨瑶"):
                assert plain not in text, f"{plain} on {url}"
    assert "138****2071" in client.get(page(Customer)).content.decode()
    assert "c***@example.com" in client.get(page(Notice)).content.decode()


@pytest.mark.parametrize(("words", "found"), [(PHONE, 1), ("2071", 1), ("陈雨瑶", 1), ("CS20260302001", 1), ("3812342071", 0), ("珞喻路", 0), ("", 1)])
def test_V4_customers_are_found_by_whole_number_or_its_last_four(client, cast, matter, words, found):
    client.force_login(cast.administrator)
    assert client.get(page(Customer), {"q": words}).context["cl"].result_count == found


def test_V3_who_is_named_does_not_find_the_matter_even_as_superuser(client, cast, matter):
    cast.person_concerned.is_superuser = True
    cast.person_concerned.save(update_fields=["is_superuser"])
    client.force_login(cast.person_concerned)
    for model in (Ticket, ComplaintForm, Deadline, Notice, Contact, Entry, Attachment, Concern):
        answer = client.get(page(model))
        assert answer.status_code == 200
        assert answer.context["cl"].result_count == 0, model
        assert client.get(page(model, "change", model.objects.get_queryset()[:1].get().pk)).status_code == 302
    assert "配送员态度差" not in client.get(page(Ticket), {"q": matter.number}).content.decode()


def test_V3_who_is_named_cannot_take_the_naming_back(client, cast, matter):
    cast.person_concerned.is_superuser = True
    cast.person_concerned.save(update_fields=["is_superuser"])
    client.force_login(cast.person_concerned)
    concern = Concern.objects.get()
    client.post(page(Concern, "delete", concern.pk), {"post": "yes"})
    client.post(page(Concern), {"action": "take_back", "_selected_action": [concern.pk]})
    assert Concern.objects.filter(pk=concern.pk).exists()


def test_V3_naming_and_taking_back_stand_in_the_history(client, cast, matter):
    client.force_login(cast.administrator)
    taken = []
    services.on_concern(lambda root, user, by, at: taken.append((root.pk, user.pk)))
    answer = client.post(page(Concern, "add"), {"number": matter.form.number.lower(), "user": cast.agent.pk, "because": "为其亲属"})
    assert answer.status_code == 302, answer.context["errors"]
    concern = Concern.objects.get(user=cast.agent)
    assert concern.item == matter.item
    assert taken == [(matter.item_id, cast.agent.pk)]
    client.post(page(Concern, "delete", concern.pk), {"post": "yes"})
    lines = Entry.objects.filter(root=matter.item, by=cast.administrator).select_related("words")
    assert [(line.verb, line.data) for line in lines] == [("named_concerned", {"user": cast.agent.pk}), ("no_longer_concerned", {"user": cast.agent.pk})]
    assert "为其亲属" in lines[1].words.text
    assert not Concern.objects.filter(user=cast.agent).exists()
    assert not LogEntry.objects.exists()


def test_V3_a_number_that_is_not_there_and_one_not_to_be_seen_get_the_same_answer(client, cast, matter):
    services.name_concerned(matter.item, cast.administrator, because="x", by=cast.manager, at=clock.now())
    client.force_login(cast.administrator)
    answers = [
        client.post(page(Concern, "add"), {"number": number, "user": cast.agent.pk, "because": "x"}).context["adminform"].form.errors["number"][0]
        for number in (matter.number, "TASK20200101001")
    ]
    assert answers[0].replace(matter.number, "?") == answers[1].replace("TASK20200101001", "?")


@pytest.mark.parametrize("model", [Ticket, ComplaintForm, Deadline, Notice, Contact, Entry, Attachment, Customer])
def test_V5_nothing_that_happened_can_be_changed_or_removed_here(client, cast, matter, model):
    client.force_login(cast.administrator)
    row = model.objects.first()
    for url in (page(model, "change", row.pk), page(model, "delete", row.pk), page(model, "add")):
        assert client.post(url, {"state": "closed", "post": "yes"}).status_code == 403, url
    client.post(page(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert model.objects.filter(pk=row.pk).exists()
    if hasattr(row, "state"):
        assert model.objects.get(pk=row.pk).state == row.state


def rule_form(rule, **changes):
    given = {
        "code": rule.code, "name": rule.name, "name_en": rule.name_en, "clock": rule.clock, "limit": "24 h", "at_time": "", "calendar": "",
        "owner": rule.owner, "ladder": rule.ladder_id, "active": "on", "longer_limit": f"{rule.longer // 3600} h" if rule.longer else "",
    }  # fmt: skip
    return given | changes


def test_E5_changing_a_rule_makes_a_version_and_leaves_running_deadlines_alone(client, cast, matter, freeze):
    at = freeze("2026-03-02 10:00")
    client.force_login(cast.administrator)
    old = Rule.objects.get(code="D14")
    answer = client.post(page(Rule, "change", old.pk), rule_form(old, limit="12 h"))
    assert answer.status_code == 302, answer.context["errors"]
    new = Rule.objects.get(code="D14", valid_until=None)
    assert (new.version, new.amount, new.valid_from, new.ladder_id) == (old.version + 1, 12 * 3600, at, old.ladder_id)
    old.refresh_from_db()
    assert (old.valid_until, old.amount) == (at, 24 * 3600)
    assert Deadline.objects.get(code="D14").rule == old
    assert LogEntry.objects.get().object_id == str(new.pk)


def test_E5_saving_without_a_change_makes_no_version_and_an_old_version_stays_as_it_was(client, cast):
    client.force_login(cast.administrator)
    old = Rule.objects.get(code="D14")
    client.post(page(Rule, "change", old.pk), rule_form(old))
    assert Rule.objects.filter(code="D14").count() == 1
    client.post(page(Rule, "change", old.pk), rule_form(old, limit="12 h"))
    assert client.post(page(Rule, "change", old.pk), rule_form(old, limit="6 h")).status_code == 403
    assert client.get(page(Rule, "change", old.pk)).status_code == 200
    assert Rule.objects.filter(code="D14").count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"limit": "soon"}, "limit"),
        ({"limit": "400 days"}, "limit"),
        ({"clock": "business", "limit": "5 days"}, "limit"),
        ({"limit": "0 h"}, "limit"),
        ({"clock": "working_day", "limit": "3 h"}, "limit"),
        ({"clock": "weekday", "limit": "8"}, "limit"),
        ({"when_urgency": ["soon"]}, "when_urgency"),
        ({"begins": "2020-01-01T00:00"}, "begins"),
        ({"owner": "nobody"}, "owner"),
        ({"ladder": ""}, "ladder"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_its_field(client, cast, changes, field):
    client.force_login(cast.administrator)
    rule = Rule.objects.get(code="D14")
    answer = client.post(page(Rule, "change", rule.pk), rule_form(rule, **changes))
    assert field in answer.context["adminform"].form.errors
    assert Rule.objects.filter(code="D14").count() == 1


def test_a_rule_keeps_its_conditions_through_the_form(client, cast):
    client.force_login(cast.administrator)
    rule = Rule.objects.get(code="D03")
    form = client.get(page(Rule, "change", rule.pk)).context["adminform"].form
    assert form["when_urgency"].value() == ["urgent"]
    client.post(page(Rule, "change", rule.pk), rule_form(rule, when_urgency=["urgent", "normal"], limit="90 分钟"))
    assert Rule.objects.get(code="D03", valid_until=None).when == {"urgency": ["urgent", "normal"]}
    assert Rule.objects.get(code="D03", valid_until=None).amount == 5400


def test_G1_the_rules_of_grading_are_listed_in_words_with_names_for_codes(client, cast, django_assert_max_num_queries):
    client.force_login(cast.administrator)
    with django_assert_max_num_queries(20):
        found = client.get(page(GradingRule, "changelist")).content.decode()
    assert "分类 是 产品安全" in found
    assert "product-safety" not in found


def test_a_calendar_is_written_as_hours_and_loads_public_holidays(client, cast):
    from feedback_desk.deadlines.models import Calendar

    client.force_login(cast.administrator)
    day = {"day": "2026-05-09", "working": "on", "name": "盘点", "spans": "09:00-12:00"}
    inline = {"days-TOTAL_FORMS": "1", "days-INITIAL_FORMS": "0"} | {f"days-0-{key}": value for key, value in day.items()}
    given = {"name": "仓库", "zone": "Asia/Shanghai", "country": "CN", "day1": "09:00-12:00, 13:30-18:00", "day6": "09：00–24:00"} | inline
    answer = client.post(page(Calendar, "add"), given)
    assert answer.status_code == 302, answer.context["errors"]
    calendar = Calendar.objects.get(name="仓库")
    assert calendar.hours == {"1": [["09:00", "12:00"], ["13:30", "18:00"]], "6": [["09:00", "24:00"]]}
    assert calendar.days.get().hours == [["09:00", "12:00"]]
    assert calendar.days.get().by_hand
    client.post(reverse("limits:load_year", args=[calendar.pk, 2026]))
    assert calendar.days.filter(day="2026-10-01", working=False).exists()
    answer = client.post(page(Calendar, "add"), given | {"name": "x", "day1": "18:00-18:00", "zone": "Mars/Base"})
    assert {"day1", "zone"} <= set(answer.context["adminform"].form.errors)


def test_failed_notices_are_sent_again_by_hand(client, cast, matter):
    client.force_login(cast.administrator)
    notice = Notice.objects.get(state=NoticeState.FAILED)
    client.post(page(Notice), {"action": "send_again", "_selected_action": [notice.pk]})
    notice.refresh_from_db()
    assert (notice.state, notice.attempts) == (NoticeState.WAITING, 0)


def test_configuration_keeps_who_changed_it(client, cast):
    client.force_login(cast.administrator)
    client.post(page(EmptyPhrase, "add"), {"text": "知道了"})
    rule = PriorityRule.objects.get(urgency="low", level="vip")
    client.post(page(PriorityRule, "change", rule.pk), {"priority": "high", "urgency": "urgent"})
    rule.refresh_from_db()
    assert (rule.urgency, rule.priority) == ("low", "high")
    assert LogEntry.objects.filter(user=cast.administrator).count() == 2


def test_a_person_gets_password_and_roles_here(client, cast):
    from feedback_desk.people.models import User

    client.force_login(cast.administrator)
    passwords = dict.fromkeys(("password1", "password2"), "desk-2026-xx")
    new = {"username": "new", "name": "新同事", "email": "new@desk.example", "usable_password": "true"} | passwords
    tables = {f"{table}-{key}_FORMS": 0 for table in ("memberships", "absences") for key in ("TOTAL", "INITIAL")}
    answer = client.post(page(User, "add"), new | tables)
    assert answer.status_code == 302, answer.context["errors"]
    user = User.objects.get(username="new")
    assert user.check_password("desk-2026-xx")
    given = {"username": "new", "name": "新同事", "email": "new@desk.example", "language": "en", "on_duty": "on", "is_active": "on", "is_superuser": "on"}
    inlines = {
        "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0, "memberships-0-user": user.pk, "memberships-0-role": "agent",
        "absences-TOTAL_FORMS": 0, "absences-INITIAL_FORMS": 0,
    }  # fmt: skip
    assert client.post(page(User, "change", user.pk), given | inlines).status_code == 302
    user = User.objects.get(username="new")
    assert (user.language, user.roles, user.is_superuser) == ("en", frozenset({"agent"}), False)


def test_V1_the_same_role_twice_is_a_sentence(client, cast):
    from feedback_desk.people.models import User

    client.force_login(cast.administrator)
    user = cast.agent
    given = {"username": user.username, "name": user.name, "email": user.email, "language": "en", "on_duty": "on", "is_active": "on"}
    role = {"user": user.pk, "role": "supervisor"}
    rows = {f"memberships-{n}-{key}": value for n in range(2) for key, value in role.items()}
    counts = {"memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 0, "absences-TOTAL_FORMS": 0, "absences-INITIAL_FORMS": 0}
    assert "已有相同的设置" in client.post(page(User, "change", user.pk), given | rows | counts).content.decode()


@pytest.mark.parametrize("name", ["tickets_ticket", "tickets_customer", "deadlines_deadline", "records_entry", "tickets_contact"])
def test_lists_cost_the_same_at_one_row_and_at_fifty(client, cast, matter, django_assert_max_num_queries, name):
    client.force_login(cast.administrator)
    url = reverse(f"admin:{name}_changelist")
    client.get(url)
    with django_assert_max_num_queries(100) as one:
        client.get(url)
    at = clock.now()
    for n in range(49):
        customer = Customer.objects.create(number=f"CS20260303{n:03}", name=f"王小{n}", created_at=at)
        ContactPoint.of(customer, "phone", f"139{n:08}").save()
        ticket = make_ticket(customer, cast)
        history.record(ticket.item, "register", by=cast.agent, at=at)
        Contact.objects.create(item=ticket.item, at=at, recorded_at=at, by=cast.agent, way="call_out", said="x")
        Deadline.objects.create(
            item=ticket.item, root=ticket.item, rule=Rule.objects.get(code="D14"), code="D14", owner=cast.agent, owner_role="x",
            start_at=at, due_at=at, warn_at=at,
        )  # fmt: skip
    with django_assert_max_num_queries(len(one.captured_queries)):
        assert client.get(url).context["cl"].result_count >= 50
    assert len(one.captured_queries) <= 20


def test_T2_the_tree_of_categories_is_listed_as_a_tree(client, cast):
    client.force_login(cast.administrator)
    rows = [(c.parent_id or c.pk, c.parent_id) for c in client.get(page(Category)).context["cl"].result_list]
    assert [own for own, _parent in rows] == sorted((own for own, _parent in rows), key=[own for own, parent in rows if parent is None].index)
    assert rows[0][1] is None


def test_no_row_of_a_list_nests_a_link_in_a_link(client, cast, matter):
    client.force_login(cast.administrator)
    for model in models_of_the_rooms():
        text = client.get(page(model)).content.decode()
        assert not re.search(r"<a [^>]*>(?:(?!</a>).)*<a ", text, re.DOTALL), model
