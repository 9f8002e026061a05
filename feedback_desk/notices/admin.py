"""The outbox: what waits, what failed and why, and trying again."""

from __future__ import annotations

import re

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from feedback_desk import clock
from feedback_desk.notices import services
from feedback_desk.notices.forms import QuietHoursForm, spoken_days
from feedback_desk.notices.models import Notice, QuietHours
from feedback_desk.people.office import AGAIN, Configured, OfficeAdmin, configures, desk_link, put_on_record
from feedback_desk.records.secrets import mask

ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+\w")


@admin.register(QuietHours)
class QuietHoursAdmin(Configured):
    """E1: they delay what is delivered, never the step itself."""

    form = QuietHoursForm
    deletes = True
    list_display = ("channel", "whom", "from_time", "until_time", "days", "urgent_passes", "active")
    fields = ("channel", "whom", "from_time", "until_time", "weekdays", "zone", "urgent_passes", "active")

    @admin.display(description=_("on the days"))
    def days(self, row: QuietHours) -> str:
        return spoken_days(row.weekdays)


@admin.register(Notice)
class NoticeAdmin(OfficeAdmin):
    matter = "item__root"
    list_display = ("created_at", "state", "channel", "template", "told", "number", "attempts", "sent_at", "what_went_wrong")
    list_filter = ("state", "channel", "template", "created_at")
    list_select_related = ("item", "receiver")
    search_fields = ("item__number", "receiver__name", "receiver__username")
    fields = ("created_at", "send_after", "state", "channel", "template", "told", "number", "attempts", "sent_at", "read_at", "what_went_wrong", "key")
    readonly_fields = ("told", "number", "what_went_wrong")
    actions = ("send_again",)

    @admin.display(description=_("receiver"), ordering="receiver__name")
    def told(self, notice: Notice) -> str:
        return str(notice.receiver or _("the customer"))

    @admin.display(description=_("item"), ordering="item__number")
    def number(self, notice: Notice) -> str:
        return desk_link(notice.item)

    @admin.display(description=_("last error"))
    def what_went_wrong(self, notice: Notice) -> str:
        """Mail servers repeat the address they refuse (V4)."""
        return ADDRESS.sub(lambda found: mask("email", found.group()), notice.last_error)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return configures(request.user)

    @admin.action(description=_("Try failed ones again"), permissions=["send"])
    def send_again(self, request: HttpRequest, notices: QuerySet[Notice]) -> None:
        sent = services.send_again(list(notices.values_list("pk", flat=True)), at=clock.now())
        put_on_record(request.user, Notice.objects.filter(pk__in=sent), AGAIN)
        count = len(sent)
        done = ngettext("%(n)d failed notice is sent again.", "%(n)d failed notices are sent again.", count) % {"n": count}
        self.message_user(request, done, messages.SUCCESS if count else messages.WARNING)
