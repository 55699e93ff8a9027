"""The pages, by the desk they belong to."""

from rekindle.web.views import duplicates, endings, house, owed, people, work

urlpatterns = [
    *duplicates.urlpatterns,
    *endings.urlpatterns,
    *owed.urlpatterns,
    *people.urlpatterns,
    *work.urlpatterns,
    *house.urlpatterns,
]
