"""The desk of work: taking data in, the night that reads it, and what it learned."""

from __future__ import annotations

from django.urls import URLPattern

from rekindle.web.views import backtests, leaving, nights, take_in

urlpatterns: list[URLPattern] = [
    *take_in.urlpatterns,
    *nights.urlpatterns,
    *leaving.urlpatterns,
    *backtests.urlpatterns,
]
