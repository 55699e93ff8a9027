"""The pages, by the desk they belong to."""

from rekindle.web.api import door
from rekindle.web.views import (
    company_exits,
    consents,
    duplicates,
    endings,
    hook_settings,
    hooks,
    house,
    interviews,
    owed,
    payments,
    people,
    public,
    returns,
    reviews,
    standing,
    together,
    tokens,
    trust,
    work,
)

urlpatterns = [
    *people.urlpatterns,
    *duplicates.urlpatterns,
    *owed.urlpatterns,
    *payments.urlpatterns,
    *consents.urlpatterns,
    *together.urlpatterns,
    *standing.urlpatterns,
    *endings.urlpatterns,
    *interviews.urlpatterns,
    *company_exits.urlpatterns,
    *returns.urlpatterns,
    *reviews.urlpatterns,
    *work.urlpatterns,
    *trust.urlpatterns,
    *tokens.urlpatterns,
    *hook_settings.urlpatterns,
    *house.urlpatterns,
    # Doors of people and programs without an account.
    *public.urlpatterns,
    *hooks.urlpatterns,
    *door.urlpatterns,
]
