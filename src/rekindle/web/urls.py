"""The pages, by the desk they belong to."""

from rekindle.web.views import house, people, work

urlpatterns = [*people.urlpatterns, *work.urlpatterns, *house.urlpatterns]
