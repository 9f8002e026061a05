"""Attachments leave the desk here and nowhere else."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from feedback_desk.people.models import User
from feedback_desk.records.models import Attachment
from feedback_desk.workplace import finding


@login_required
@require_safe
def download(request: HttpRequest, token: UUID) -> FileResponse:
    """The file under its own name: pictures to look at, all else to save.

    Seen by whoever sees the item or its complaint form: a head is asked to agree on this very evidence (C4). 404 for everybody else (V3), as for what
    is not there.
    """
    attachment = Attachment.objects.select_related("item").filter(token=token).first()
    assert isinstance(request.user, User)
    if attachment is None or not finding.sees(request.user, attachment.item):
        raise Http404
    try:
        content = attachment.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    response = FileResponse(content, as_attachment=not attachment.is_picture, filename=attachment.name, content_type=attachment.content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
