from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "rekindle.accounts"
    label = "accounts"
    verbose_name = "Staff"
