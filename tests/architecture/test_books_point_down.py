"""Foreign keys point journal -> relationships -> accounts and nowhere else; nothing reaches a model by its name."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.db.models import ForeignObject

SOURCE = Path(__file__).parents[2] / "src" / "rekindle"
MAY_POINT_TO = {
    "accounts": {"accounts", "auth"},  # the groups and permissions that Django's own mixin brings
    "relationships": {"relationships", "accounts"},
    "journal": {"journal", "relationships", "accounts"},
}


def test_foreign_keys_point_down() -> None:
    pointing_up = [
        f"{field} points to {field.related_model._meta.label}"
        for label, allowed in MAY_POINT_TO.items()
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if isinstance(field, ForeignObject) and field.related_model._meta.app_label not in allowed
    ]

    assert not pointing_up


def test_every_table_of_ours_is_in_one_of_the_three_apps() -> None:
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("rekindle.") and config.models}

    assert ours == set(MAY_POINT_TO)


def test_no_model_is_looked_up_by_name_outside_migrations() -> None:
    found = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and "get_model(" in path.read_text(encoding="utf-8")
    ]

    assert not found
