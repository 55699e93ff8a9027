"""The desk of work: taking data in, and the night that reads it."""

from __future__ import annotations

from django.urls import URLPattern

from rekindle.web.views import nights, take_in

urlpatterns: list[URLPattern] = [*take_in.urlpatterns, *nights.urlpatterns]
