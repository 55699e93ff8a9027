"""The pages that ask whether everybody is looked after."""

from __future__ import annotations

from django.urls import URLPattern

from rekindle.web.views import coverage, dropped, say_do, thanks, who_spoke

urlpatterns: list[URLPattern] = [
    *who_spoke.urlpatterns,
    *thanks.urlpatterns,
    *coverage.urlpatterns,
    *dropped.urlpatterns,
    *say_do.urlpatterns,
]
