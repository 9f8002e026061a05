"""The desk in a real browser: a phone complaint from the call to its closing, and what people do beside it all day."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browsing import DESKTOP, PHONE, Floor, Person, fill, launch, option, shots_folder, told
from tests.running import Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("journeys")]
expect.set_options(timeout=10_000)
IN_THE_BROWSER = pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded run has it")
"""What happens in the browser alone is the same on both databases."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("journeys") / "data")
    try:
        desk.start()
        told(desk, "people")
        yield desk
    finally:
        desk.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def floor(desk: Desk, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """Whoever enters here leaves behind no fault on any page."""
    floor = Floor(desk, browser, shots_folder(desk.data.parent / "shots"))
    yield floor
    floor.leave()
    assert not floor.faults


# --- a complaint from the phone call to its closing ---

NEXT = {"next_step": "核实后给客户回电", "next_at": "2030-01-02T10:00"}
SUMMARY = "洗衣机到货外壳破损，要求换新"
STORY = [
    ("客户来电", "客服林受理"),
    ("登记", "客服林"),
    ("有人被列为当事人，此后回避", "客服林"),
    ("开具处理单", "客服林"),
    ("定级", "客服林 · 等级 I，建议 II"),
    ("去电客户：提出方案", "客服林 · 已接通"),
    ("与业务人员核实了情况", "客服林"),
    ("填写了初步方案", "客服林"),
    ("填写了处理决定", "主管秦"),
    ("签署了处理决定", "客服经理程"),
    ("开始责任认定", "客服经理程"),
    ("责任认定提交管理部", "客服经理程"),
    ("拟定处理意见", "客服经理程 · 配送员罗"),
    ("当事人书面说明", "配送员罗"),
    ("部门同意处理意见", "配送部邓 · 配送员罗 · 警告"),
    ("部门复核通过，报总经理", "系统自动"),
    ("总经理裁定", "总经理郑"),
    ("处理意见已裁定", "配送员罗 · 警告"),
    ("处理意见已执行", "配送部邓 · 配送员罗 · 警告"),
    ("转交客服", "配送部邓"),
    ("处理结果提交客户确认", "客服林"),
    ("质检通过，待回访", "质检冯"),
    ("填写投诉总结", "客服林"),
    ("去电客户：回访", "回访王 · 已接通 · 速度 5 分、方案 4 分、态度 5 分、认可"),
    ("客户回访认可，处理单关闭", "回访王"),
    ("客户确认结果", "回访王"),
    ("工单关闭", "回访王"),
]


def test_a_phone_complaint_from_the_call_to_its_closing(floor: Floor) -> None:
    agent = floor.enter("agent")
    number = register_by_phone(agent)
    speak_with_the_customer(agent)

    manager = floor.enter("manager")
    supervisor = floor.enter("supervisor")
    first_hours(agent, supervisor, manager, number)
    determine(manager, number)
    named_person_can_do_nothing(floor, number)

    head = floor.enter("head", PHONE)
    expect(head.page.locator(".bottom-bar .approvals")).to_contain_text("1")
    agree_on_the_phone(head)
    rule(floor.enter("gm"))
    carry_out_and_hand_over(head)

    agent.go(f"/desk/tickets/{number}/")
    agent.does("offer_result", {"result": "今天送新机并取回旧机。", "agreement": "陈雨瑶，电话，当天同意"}, name="11-result")
    check(floor.enter("inspector"), number)
    write_to_the_customer(supervisor, number)
    sum_up(agent, number)
    visit(floor.enter("visitor"), number)

    assert told(floor.desk, "states", number) == ["closed", "closed"]
    reads_as_a_story(agent, number)


def register_by_phone(agent: Person) -> str:
    page = agent.page
    page.keyboard.press("n")
    page.wait_for_url("**/desk/register/")
    page.click("label[for^=id_type]:has-text('投诉')")
    page.locator("#id_who").press_sequentially("13812342071", delay=10)
    page.click("[data-new-customer]")
    page.wait_for_selector("#new-customer")
    assert page.input_value("[name=new-phone]") == "13812342071", "what was searched for is not typed twice"
    form = page.locator("form.register-form")
    fill(form, {"new-name": "陈雨瑶", "summary": SUMMARY, "what_happened": "开箱后外壳凹陷约 12 厘米，滚筒有异响。", "expectation": "换一台新的"})
    fill(form, {"category": "运输破损", "order_number": "D20261122-8", "product": "滚筒洗衣机"})
    page.click("details.more-fields summary")
    page.select_option("[name=about]", option(page.locator("[name=about]"), "配送员罗"))
    page.click("#id_grade label:has([value=I])")
    page.fill("[name=grade_reason]", "整机损坏，客户要求换新")
    page.select_option("[name=holder]", value="me")
    agent.look("01-registering")
    agent.send(".register-foot [name=register]")
    expect(page.locator("h1")).to_have_text(SUMMARY)
    agent.look("02-registered")
    return page.url.rstrip("/").rsplit("/", 1)[-1]


def speak_with_the_customer(agent: Person) -> None:
    agent.page.keyboard.press("r")
    fill(agent.page.locator("#panel-contact"), {"said": "致歉并说明先换新，正在核实运输责任。", "customer_says": "同意换新", "purpose": "solution", **NEXT})
    agent.send("#panel-contact [data-main]")
    expect(agent.page.locator("#story")).to_contain_text("正在核实运输责任")


def first_hours(agent: Person, supervisor: Person, manager: Person, number: str) -> None:
    """C1, G2: facts and first plan by the agent; of grade I supervisor and manager decide on the handling."""
    for person in (agent, supervisor, manager):
        person.go(f"/desk/tickets/{number}/?tab=handling")
    agent.does("check_facts", {"colleague": "配送部邓", "found": "装车单显示侧放。", "on_site": "no"}, name="02a-facts")
    agent.does("write_first_plan", {"text": "先换新，旧机取回检测。"})
    supervisor.go(f"/desk/tickets/{number}/?tab=handling")
    supervisor.does("decide_handling", {"lead_person": "客服林", "reply": "主管书面答复", "measures": "致歉，安排换新。"}, name="02b-decision")
    manager.go(f"/desk/tickets/{number}/?tab=handling")
    manager.does("sign_decision", name="02c-sign")
    manager.look("02d-handling")


def determine(manager: Person, number: str) -> None:
    page = manager.page
    manager.go(f"/desk/tickets/{number}/")
    manager.does("begin_determination")
    page.click("#tabs a[href*=determination]")
    page.wait_for_selector("form.determination")
    page.fill("[name=findings]", "卸货时侧放，外包装受压变形。")
    fill(page.locator("[data-rows=who] [data-row]").first, {"-user": "配送员罗", "-department": "配送部", "-share": "100", "-because": "侧放大件"})
    expect(page.locator("[data-sum]")).to_have_text("100")
    fill(page.locator("[data-rows=what] [data-row]").first, {"-user": "配送员罗", "-department": "配送部", "-kind": "warning"})
    fill(page.locator("[data-rows=what] [data-row]").first, {"-clause": "《配送作业规范》4.2", "-reason": "大件不得侧放"})
    manager.look("03-determining")
    manager.send("form.determination [data-main]")
    manager.does("submit")
    manager.look("04-submitted")


def agree_on_the_phone(head: Person) -> None:
    page = head.page
    head.go("/desk/approvals/")
    head.look("06-approvals-phone")
    head.send("a.approval.is-line")
    expect(page.locator("article.approval")).to_contain_text("配送员罗")
    head.look("07-card-phone")
    sizes = page.locator(".thumb-bar .btn").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert min(sizes) >= 44, "reached by a thumb"
    head.does("agree", name="08-agree-phone")


def rule(chief: Person) -> None:
    chief.go("/desk/approvals/")
    chief.send("a.approval.is-line")
    chief.does("rule", {"words": "同意。配送部组织一次装卸培训。"}, name="09-ruling")


def carry_out_and_hand_over(head: Person) -> None:
    head.go("/desk/approvals/")
    head.send("a.approval.is-line")
    head.does("carry_out", {"talk_words": "已谈话，本人认可，写下改进办法。"}, name="10-carry-out-phone")
    head.go("/desk/approvals/")
    head.send("a.approval.is-line")
    head.does("hand_over")


def check(inspector: Person, number: str) -> None:
    inspector.go(f"/desk/tickets/{number}/")
    inspector.does("pass_check", {"timely": "yes", "severity": "fitting"}, name="12-check")


def write_to_the_customer(supervisor: Person, number: str) -> None:
    """C13, C17, C20: the letter is read before it leaves; of grade I management gets a report."""
    supervisor.go(f"/desk/tickets/{number}/?tab=handling")
    supervisor.does("draft_reply", {"found": "卸货时侧放受压。", "done": "整机换新。", "prevented": "大件加贴标识。"}, name="12a-letter")
    expect(supervisor.page.locator(".letter").first).to_contain_text("换一台新的")
    supervisor.look("12b-letter")
    supervisor.does("send_reply", {"way": "letter"}, name="12c-send")
    supervisor.does("report_to_management", {"report": "大件装卸破损。", "proposals": "更换包装方案。"})


def sum_up(agent: Person, number: str) -> None:
    agent.go(f"/desk/tickets/{number}/?tab=determination")
    agent.page.fill("[name=text]", "卸货侧放所致；换新得当，培训已安排。")
    agent.send("form:has([name=text]) [data-main]")
    agent.look("13-summary")


def visit(visitor: Person, number: str) -> None:
    page = visitor.page
    visitor.go("/desk/visits/")
    visitor.look("14-visits")
    visitor.send(f"tr:has-text('{number}') a")
    fill(page.locator(".visit-page form"), {"reached": "yes", "said": "新机运转正常，谢谢。", "mood": "satisfied"})
    fill(page.locator(".visit-page form"), {"speed": 5, "solution": 4, "attitude": 5, "accepted": "yes"})
    visitor.look("15-visit")
    visitor.send(".visit-page [data-main]")


def reads_as_a_story(agent: Person, number: str) -> None:
    agent.go(f"/desk/tickets/{number}/")
    agent.look("16-closed")
    lines = agent.story()
    at = -1
    for title, who in STORY:
        at = next((n for n, line in enumerate(lines) if n > at and title in line and who in line), -1)
        assert at >= 0, f"{title} ({who}) in its place in\n" + "\n".join(lines)
    assert not re.findall(r"[a-z]+_[a-z_]+|\bNone\b|%\(", "\n".join(lines)), "no raw words"


def named_person_can_do_nothing(floor: Floor, number: str) -> None:
    """V3, C7: the person complained about sees their own measure and may answer; of the matter nothing."""
    named, matter = floor.enter("concerned"), told(floor.desk, "matter", number)
    lists = ("/desk/", "/desk/?of=team", "/desk/queue/", "/desk/approvals/", "/desk/outstanding/", "/desk/notices/")
    for path in (*lists, f"/desk/search/?q={number}", "/desk/search/?q=洗衣机"):
        assert named.go(path) == 200
        assert SUMMARY not in named.page.inner_text("main"), path
        assert "陈雨瑶" not in named.text, path
    is_not_there(named, number, matter)
    is_refused(named, number, matter)
    sees_only_their_measure(named)


def is_not_there(named: Person, number: str, matter: dict[str, Any]) -> None:
    unknown = f"{number[:-3]}999"
    named.go(f"/desk/tickets/{unknown}/")
    nothing = named.text.replace(unknown, "")
    ticket, form, measure = f"/desk/tickets/{number}/", f"/desk/forms/{matter['form']}/", matter["measure"]
    pages = [ticket, f"{ticket}?tab=determination", f"{ticket}story/", f"{ticket}correct/", f"{ticket}moves/withdraw/", form, f"{form}print/"]
    pages += [f"{form}moves/submit/", f"/desk/approvals/forms/{matter['form']}/", f"/desk/approvals/measures/{measure}/"]
    for path in (*pages, f"/desk/measures/{measure}/moves/agree/", f"/desk/visits/{matter['form']}/"):
        assert named.go(path) == 404, path
        assert named.text.replace(number, "") == nothing, "unknown and invisible look the same"


def is_refused(named: Person, number: str, matter: dict[str, Any]) -> None:
    ticket, form, measure = f"/desk/tickets/{number}/", f"/desk/forms/{matter['form']}/", f"/desk/measures/{matter['measure']}/"
    tries = [f"{ticket}moves/withdraw/", f"{ticket}notes/", f"{form}determination/", f"{form}moves/submit/"]
    for path in (*tries, f"{measure}moves/agree/", f"{measure}moves/object/"):
        assert named.posts(path, {"reason": "不是我", "text": "看看"}) == 404, path
    kept = [verb for _number, verb in told(named.floor.desk, "refusals", "concerned")]
    assert kept == ["withdraw", "note", "determine", "submit", "agree", "object"], "each attempt is on record"


def sees_only_their_measure(named: Person) -> None:
    named.go("/desk/")
    named.send(".rail a[href='/desk/about-me/']")
    assert "大件不得侧放" in named.text
    assert "配送作业规范" in named.text
    assert SUMMARY not in named.text
    assert "陈雨瑶" not in named.text
    assert "外包装受压变形" not in named.text
    named.send("a[href*='/answer/']")
    named.page.fill("[name=words]", "当时车厢已满，我已提醒调度。")
    named.send("form.panel .btn-primary")
    assert "当时车厢已满" in named.text
    named.look("05-about-me")


# --- what people do beside it all day ---


@pytest.fixture(scope="module")
def number(desk: Desk) -> str:
    return str(told(desk, "ticket"))


@IN_THE_BROWSER
def test_keys_lead_through_the_list_and_tell_themselves(floor: Floor, number: str) -> None:
    agent = floor.enter("agent")
    page = agent.page
    told(floor.desk, "ticket", "路由器频繁断网")
    agent.go("/desk/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator("#rows .item").nth(1)
    expect(second).to_have_class(re.compile("is-cursor"))
    page.keyboard.press("k")
    first = page.locator("#rows .item").first
    expect(first).to_have_class(re.compile("is-cursor"))
    title = first.locator("a.what").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tickets/**")
    assert page.inner_text("h1") in title
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    agent.look("20-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.wait_for_function("document.activeElement.name === 'q'")
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("热水器不出热水")
    page.locator("h1").click()
    page.keyboard.press("n")
    page.wait_for_url("**/desk/register/")


@IN_THE_BROWSER
def test_theme_and_language_are_switched_and_remembered(floor: Floor, number: str) -> None:
    agent = floor.enter("agent")
    page, menu = agent.page, ".rail .me summary"
    page.click(menu)
    page.click(".rail [data-theme-choice=dark]")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    agent.go(f"/desk/tickets/{number}/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    agent.look("21-dark")
    page.click(menu)
    agent.send(".rail [name=language][value=en]")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert "Story" in agent.text
    assert "经过" not in page.inner_text(".tabs")
    agent.look("22-english")
    page.click(menu)
    agent.send(".rail [name=language][value=zh-hans]")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


@IN_THE_BROWSER
def test_E4_a_countdown_ticks_and_turns_late_by_itself(floor: Floor, number: str) -> None:
    agent = floor.enter("agent")
    page = agent.page
    page.clock.install()
    agent.go(f"/desk/tickets/{number}/")
    chip = page.locator("aside .chip[data-due] .words").first
    before = chip.inner_text()
    page.clock.fast_forward("02:00")
    expect(chip).not_to_have_text(before)
    page.clock.fast_forward(8 * 24 * 3600 * 1000)
    expect(page.locator("aside .chip[data-due]").first).to_have_class(re.compile("chip-late"))
    expect(chip).to_contain_text("超时")


def test_rows_and_stories_follow_what_a_colleague_does_without_a_reload(floor: Floor) -> None:
    supervisor, agent = floor.enter("supervisor"), floor.enter("agent")
    supervisor.go("/desk/?of=team")
    supervisor.page.evaluate("window.untouched = true")
    number = told(floor.desk, "ticket", "冰箱冷藏室结冰")
    row = supervisor.page.locator(".item", has_text=number)
    expect(row).to_be_visible(timeout=4_000)
    agent.go(f"/desk/tickets/{number}/")
    agent.page.evaluate("window.untouched = true")
    told(floor.desk, "ask_customer", number, "agent")
    expect(row.locator(".c-state")).to_contain_text("等待客户", timeout=4_000)
    expect(agent.page.locator("#story")).to_contain_text("请发铭牌照片", timeout=4_000)
    assert supervisor.page.evaluate("window.untouched"), "no reload"
    assert agent.page.evaluate("window.untouched"), "no reload"


@IN_THE_BROWSER
def test_while_somebody_types_nothing_moves_and_a_line_says_what_is_new(floor: Floor) -> None:
    agent, number = floor.enter("agent"), told(floor.desk, "ticket", "微波炉转盘不转")
    page = agent.page
    agent.go(f"/desk/tickets/{number}/")
    page.fill("#panel-contact [name=said]", "正在写的话")
    told(floor.desk, "ask_customer", number, "agent")
    expect(page.locator("#news")).to_be_visible(timeout=4_000)
    assert page.input_value("#panel-contact [name=said]") == "正在写的话"
    page.click("#news button")
    expect(page.locator("#story")).to_contain_text("请发铭牌照片")
    assert page.input_value("#panel-contact [name=said]") == "正在写的话"


def test_the_second_of_two_people_is_told_who_and_when_and_keeps_the_words(floor: Floor) -> None:
    agent, number = floor.enter("agent"), told(floor.desk, "ticket", "洗碗机漏水")
    page = agent.page
    agent.go(f"/desk/tickets/{number}/")
    agent.open("ask_customer")
    fill(page.locator("dialog[open]"), {"question": "请问漏水处在哪里？能否发一张照片", "until": "2030-01-02T10:00"})
    told(floor.desk, "ask_customer", number, "agent")
    page.click("dialog[open] .sheet-foot button")
    expect(page.locator("dialog[open] .error-summary")).to_contain_text(re.compile(r"客服林.*\d\d:\d\d"))
    agent.look("23-second")
    assert page.input_value("dialog[open] [name=question]") == "请问漏水处在哪里？能否发一张照片"


@IN_THE_BROWSER
def test_a_draft_is_there_again_after_a_reload_and_on_another_machine(floor: Floor, number: str) -> None:
    agent = floor.enter("agent")
    page = agent.page
    agent.go(f"/desk/tickets/{number}/")
    with page.expect_response("**/desk/drafts/"):
        page.fill("#panel-contact [name=said]", "客户说晚上才在家，")
    agent.open("reassign")
    with page.expect_response("**/desk/drafts/"):
        page.fill("dialog[open] [name=reason]", "客户要求晚上上门，已答应今天回话。")
    elsewhere = floor.enter("agent")
    elsewhere.go(f"/desk/tickets/{number}/")
    assert elsewhere.page.input_value("#panel-contact [name=said]") == "客户说晚上才在家，"
    elsewhere.open("reassign")
    expect(elsewhere.page.locator("dialog[open] [name=reason]")).to_have_value("客户要求晚上上门，已答应今天回话。")
    elsewhere.go("/desk/register/")
    with elsewhere.page.expect_response("**/desk/drafts/"):
        elsewhere.page.fill("[name=summary]", "电话断了的那一位")
    elsewhere.page.reload()
    expect(elsewhere.page.locator("[name=summary]")).to_have_value("电话断了的那一位")
    expect(elsewhere.page.locator(".page-head")).to_contain_text("草稿")
    elsewhere.page.fill("[name=summary]", "")


@IN_THE_BROWSER
def test_what_is_missing_is_said_by_the_field_and_everything_typed_stays(floor: Floor) -> None:
    agent = floor.enter("agent")
    page = agent.page
    agent.go("/desk/register/")
    page.fill("[name=what_happened]", "收到时少一个配件。")
    page.fill("[name=product]", "电饭煲")
    page.fill("[name=received_at]", "2030-01-01T08:00")
    agent.send(".register-foot [name=register]")
    for field in ("summary", "category", "received_at", "customer"):
        expect(page.locator(f"#id_{field}_error, #field-{field} .field-error").first).to_be_visible()
    expect(page.locator(".error-summary")).to_be_focused()
    assert page.input_value("[name=what_happened]") == "收到时少一个配件。"
    assert page.input_value("[name=product]") == "电饭煲"
    agent.look("24-missing")
    page.fill("[name=what_happened]", "")
    page.fill("[name=product]", "")


@IN_THE_BROWSER
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [("照片.jpg", b"broken", "照片.jpg"), ("程序.exe", b"MZ\x90\x00" + b"\x00" * 200, "程序.exe"), ("空.pdf", b"", "空.pdf")],
    ids=["broken", "forbidden", "empty"],
)
def test_a_broken_or_forbidden_file_gives_a_sentence_and_the_words_stay(floor: Floor, number: str, name: str, content: bytes, sentence: str) -> None:
    agent = floor.enter("agent")
    page = agent.page
    agent.go(f"/desk/tickets/{number}/")
    fill(page.locator("#panel-contact"), {"said": "客户发来的文件", "customer_says": "请看", **NEXT})
    page.set_input_files("#panel-contact [name=files]", {"name": name, "mimeType": "application/octet-stream", "buffer": content})
    agent.send("#panel-contact [data-main]")
    expect(page.locator("#panel-contact .error-summary")).to_contain_text(sentence)
    assert page.input_value("#panel-contact [name=said]") == "客户发来的文件"
    agent.look(f"25-upload-{name.rpartition('.')[2]}")


@IN_THE_BROWSER
def test_a_file_too_large_is_told_before_it_is_sent(floor: Floor, number: str, tmp_path: Any) -> None:
    agent, large = floor.enter("agent"), tmp_path / "录像.mp4"
    page = agent.page
    large.write_bytes(b"\x00" * (20 * 1024 * 1024 + 1))
    agent.go(f"/desk/tickets/{number}/")
    page.fill("#panel-contact [name=said]", "客户发来的录像")
    page.set_input_files("#panel-contact [name=files]", large)
    expect(page.locator(".toast-line.is-late")).to_contain_text("录像.mp4")
    assert page.locator("#panel-contact [name=files]").evaluate("e => e.files.length") == 0
    assert page.input_value("#panel-contact [name=said]") == "客户发来的录像"


PAGES = (
    "/desk/", "/desk/queue/", "/desk/outstanding/", "/desk/search/?q=x", "/desk/notices/", "/desk/customers/", "/desk/visits/", "/desk/approvals/",
    "/desk/about-me/", "/desk/register/", "/accounts/absence/", "/accounts/password/",
)  # fmt: skip


@IN_THE_BROWSER
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_is_sound_on_a_desk_and_on_a_phone_in_both_languages(floor: Floor, number: str, viewport: Any, language: str) -> None:
    supervisor = floor.enter("supervisor", viewport)
    supervisor.posts("/accounts/language/", {"language": language, "next": "/desk/"})
    for path in (*PAGES, f"/desk/tickets/{number}/", f"/desk/tickets/{number}/correct/", f"/desk/tickets/{number}/moves/reassign/"):
        assert supervisor.go(path) == 200, path
    assert supervisor.go("/desk/tickets/TASK20990101001/") == 404


# --- decisions, on a desk and on a phone ---

WHERE = pytest.mark.parametrize("viewport", [pytest.param(DESKTOP, id="desktop", marks=IN_THE_BROWSER), pytest.param(PHONE, id="phone")])


def shown(viewport: Any, name: str) -> str:
    return f"{name}-{'phone' if viewport is PHONE else 'desktop'}"


@WHERE
def test_C4_the_department_objects_and_both_sign_the_same_text(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "in_review")
    form = told(floor.desk, "form_number", number)
    head, manager = floor.enter("head", viewport), floor.enter("manager", viewport)
    head.go("/desk/approvals/")
    head.send(f"a.approval.is-line[href*='measures']:has-text('{form}')")
    head.does("object", {"about": "facts", "reason": "当时车厢已满，应由调度负责。"}, name=shown(viewport, "50-object"))
    assert told(floor.desk, "states", number)[1] == "negotiating"
    manager.go(f"/desk/tickets/{number}/?tab=determination")
    manager.look(shown(viewport, "51-negotiating"))
    manager.does("sign", name=shown(viewport, "52-sign"))
    head.go("/desk/approvals/")
    head.send(f"a.approval.is-line[href*='measures']:has-text('{form}')")
    head.look(shown(viewport, "52a-head-signs"))
    head.does("sign")
    assert told(floor.desk, "states", number)[1] == "awaiting_ruling"


@WHERE
def test_C4_C5_the_department_agrees_and_the_general_manager_rules(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "in_review")
    form = told(floor.desk, "form_number", number)
    head, chief = floor.enter("head", viewport), floor.enter("gm", viewport)
    head.go("/desk/approvals/")
    head.send(f"a.approval.is-line[href*='measures']:has-text('{form}')")
    head.does("agree", name=shown(viewport, "48-agree"))
    assert told(floor.desk, "states", number)[1] == "awaiting_ruling"
    chief.go("/desk/approvals/")
    chief.send(f"a.approval.is-line:has-text('{form}')")
    chief.open("rule")
    page, typed = chief.page, {"-kind": "deduct_share", "-amount": "95", "-reason": "情节较重"}
    page.click("dialog[open] details summary")
    fill(page.locator("dialog[open] details"), typed)
    page.click("dialog[open] .sheet-foot button")
    wrong = page.locator("dialog[open] details[open]")
    expect(wrong.locator(".field-error")).to_be_visible()
    assert wrong.locator("[name$='-amount']").input_value() == "95", "what was typed is in sight with what is wrong about it"
    chief.look(shown(viewport, "49-ruling-too-high"))
    fill(wrong, {"-amount": "10"})
    fill(page.locator("dialog[open]"), {"words": "同意，按一成扣罚。"})
    with page.expect_navigation():
        page.click("dialog[open] .sheet-foot button")
    chief.look(shown(viewport, "49a-ruled"))
    assert told(floor.desk, "states", number)[1] == "executing"


@WHERE
def test_C5_the_general_manager_sends_it_back(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "awaiting_ruling")
    form = told(floor.desk, "form_number", number)
    chief = floor.enter("gm", viewport)
    chief.go("/desk/approvals/")
    chief.send(f"a.approval.is-line:has-text('{form}')")
    chief.look(shown(viewport, "53-ruling"))
    chief.does("send_back", {"reason": "请补充签收环节的责任。"}, name=shown(viewport, "54-send-back"))
    assert told(floor.desk, "states", number)[1] == "determining"
    manager = floor.enter("manager", viewport)
    manager.go(f"/desk/tickets/{number}/")
    assert "请补充签收环节的责任" in manager.text


@WHERE
def test_C8_set_aside_and_back(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "determining")
    form = told(floor.desk, "form_number", number)
    manager, chief = floor.enter("manager", viewport), floor.enter("gm", viewport)
    manager.go(f"/desk/tickets/{number}/")
    manager.does("ask_parking", {"parking_reason": "parts", "contact": "客服林", "reason": "等配件到货"}, name=shown(viewport, "55-ask-parking"))
    chief.go("/desk/approvals/")
    chief.send(f"a.approval.is-line:has-text('{form}')")
    chief.does("park", name=shown(viewport, "56-park"))
    manager.go("/desk/outstanding/")
    expect(manager.page.locator("main")).to_contain_text(form)
    manager.look(shown(viewport, "57-outstanding"))
    manager.go(f"/desk/tickets/{number}/?tab=handling")
    manager.does("remind_customer", {"customer_says": "知道了，等通知。", "changed": "配件已发货。"}, name=shown(viewport, "58-reminded"))
    manager.does("resume", {"reason": "配件到货，可以认定"})
    assert told(floor.desk, "states", number)[1] == "determining"


@WHERE
def test_C10_closed_abnormally_on_the_ground_of_the_contract(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "visiting")
    agent, manager = floor.enter("agent", viewport), floor.enter("manager", viewport)
    agent.go(f"/desk/tickets/{number}/")
    words = "合同第 12 条：人为损坏不予更换，公司终局决定已书面告知。"
    agent.does("ask_abnormal", {"ground": "conflict", "words": words}, name=shown(viewport, "59-ask-abnormal"))
    manager.go(f"/desk/tickets/{number}/")
    manager.look(shown(viewport, "60-abnormal-asked"))
    manager.does("rule_abnormal", {"reason": "诉求与合同第 12 条相悖，已书面答复。"}, name=shown(viewport, "61-rule-abnormal"))
    assert told(floor.desk, "states", number) == ["closed", "closed_abnormally"]


@WHERE
def test_C10_closed_abnormally_as_the_customer_cannot_be_reached(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint_never_reached")
    agent, manager = floor.enter("agent", viewport), floor.enter("manager", viewport)
    agent.go(f"/desk/tickets/{number}/")
    agent.does("ask_abnormal", {"ground": "unreachable", "words": "连续三天回访无人接听。"}, name=shown(viewport, "61a-ask-unreachable"))
    manager.go("/desk/approvals/")
    manager.send(f"a.approval.is-line:has-text('{told(floor.desk, 'form_number', number)}')")
    manager.look(shown(viewport, "61b-card-unreachable"))
    manager.does("rule_abnormal", {"reason": "三次回访均未接通，同意。"}, name=shown(viewport, "61c-rule-unreachable"))
    assert told(floor.desk, "states", number) == ["closed", "closed_abnormally"]


@WHERE
def test_C15_reopened_as_a_new_round(floor: Floor, viewport: Any) -> None:
    number = told(floor.desk, "complaint", "closed")
    agent = floor.enter("agent", viewport)
    agent.go(f"/desk/tickets/{number}/")
    agent.does("reopen", {"reason": "新机仍有异响"}, name=shown(viewport, "62-reopen"))
    assert told(floor.desk, "states", number) == ["processing", "determining"]
    agent.go(f"/desk/tickets/{number}/?tab=handling")
    assert "新机仍有异响" in agent.text, "what is missing is a point to answer"
    agent.look(shown(viewport, "63-second-round"))
