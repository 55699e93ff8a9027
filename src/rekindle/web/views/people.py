"""People first: today's list, everybody, and one person."""

from __future__ import annotations

from django.urls import URLPattern, path

from rekindle.web.views import everybody, mirror, person, person_leaving, today

urlpatterns: list[URLPattern] = [
    *mirror.urlpatterns,
    *person_leaving.urlpatterns,
    path("", today.page, name="today"),
    path("tasks/<int:task_id>/answer/", today.answer, name="task_answer"),
    path("tasks/<int:task_id>/undo/", today.undo, name="task_undo"),
    path("people/", everybody.page, name="people"),
    path("people/<int:party_id>/", person.page, name="person"),
    path("people/<int:party_id>/story/", person.story, name="person_story"),
    path("people/<int:party_id>/why-not/", person.why_not, name="person_why_not"),
    path("people/<int:party_id>/note/", person.note, name="person_note"),
]
