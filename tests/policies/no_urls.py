"""An application without any page, as after a broken deployment."""

from django.http import HttpResponseNotFound

urlpatterns: list = []


def handler404(request, exception):
    return HttpResponseNotFound("nothing")
