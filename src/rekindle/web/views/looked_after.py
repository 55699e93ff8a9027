"""The pages that ask whether everybody is looked after."""

from __future__ import annotations

from django.urls import URLPattern

from rekindle.web.views import coverage, say_do, who_spoke

urlpatterns: list[URLPattern] = [*who_spoke.urlpatterns, *coverage.urlpatterns, *say_do.urlpatterns]
