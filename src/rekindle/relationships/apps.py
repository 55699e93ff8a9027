from django.apps import AppConfig


class RelationshipsConfig(AppConfig):
    name = "rekindle.relationships"
    label = "relationships"
    verbose_name = "Book one: facts about people"
