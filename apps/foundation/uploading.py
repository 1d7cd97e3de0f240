"""Takes a file of a form into memory and nowhere else: personal data never lies in a temporary file, and more than may be read is let go."""

from collections.abc import Callable
from functools import wraps
from io import BytesIO

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse


class IntoMemory(FileUploadHandler):
    """The first bytes of a file, up to one more than `largest`: enough for whoever reads it to say that it is too large."""

    def __init__(self, request: HttpRequest, *, largest: int):
        super().__init__(request)
        self._largest = largest

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = self._largest + 1 - self._kept.tell()
        if room > 0:
            self._kept.write(raw_data[:room])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._kept.seek(0)
        return InMemoryUploadedFile(self._kept, self.field_name, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra)


def into_memory(largest: Callable[[], int]) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Has the files of a request taken by `IntoMemory`; to stand outside whatever reads the form first. `largest` is in bytes, asked each time."""

    def decorated(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def opened(request: HttpRequest, *args, **named) -> HttpResponse:
            request.upload_handlers = [IntoMemory(request, largest=largest())]
            return view(request, *args, **named)

        opened.csrf_exempt = getattr(view, "csrf_exempt", False)
        return opened

    return decorated
