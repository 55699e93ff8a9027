from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "rekindle.journal"
    label = "journal"
    verbose_name = "Book two: what the machine read, thought, chose and did"
