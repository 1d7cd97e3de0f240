"""Takes a file of the form into memory and nowhere else: nothing of a request ever lies in a temporary file, and more than may come is let go."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse


class IntoMemory(FileUploadHandler):
    """The first bytes of a file, up to one more than may come: enough for the form to say that it is too large."""

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = settings.REQUEST_DOCUMENT_BYTES + 1 - self._kept.tell()
        if room > 0:
            self._kept.write(raw_data[:room])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._kept.seek(0)
        return InMemoryUploadedFile(self._kept, self.field_name, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)


def into_memory(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Has the files of a request taken by `IntoMemory`; to stand outside whatever reads the form first."""

    @wraps(view)
    def opened(request: HttpRequest, *args, **named) -> HttpResponse:
        request.upload_handlers = [IntoMemory(request)]
        return view(request, *args, **named)

    opened.csrf_exempt = True  # no cookie and no session: a forged post could do nothing that its sender can't do themself
    return opened
