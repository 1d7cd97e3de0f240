"""The data map beside the promise board: a page, and the same as Markdown. It shows no row of anybody."""

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from apps.assurance import data_map


class DataMapPage:
    """Gives the promise board the page `data-map/` and its export; the board's own row of links leads there."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("data-map/", view(self.data_map_view), name="assurance_data_map"),
            path("data-map.md", view(self.data_map_file), name="assurance_data_map_file"),
            *super().get_urls(),
        ]

    def data_map_view(self, request: HttpRequest) -> HttpResponse:
        if refused := self._only_looking(request):
            return refused
        context = self._context(request, "Data map") | {"sections": data_map.sections()}
        return TemplateResponse(request, "assurance/data_map.html", context)

    def data_map_file(self, request: HttpRequest) -> HttpResponse:
        """As a file; `?technical=1` with tables, columns and files."""
        if refused := self._only_looking(request):
            return refused
        technical = request.GET.get("technical") == "1"
        answer = HttpResponse(data_map.as_markdown(technical=technical), content_type="text/markdown; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="data-map{"-technical" if technical else ""}.md"'
        return answer
