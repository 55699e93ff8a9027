from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "rekindle.web"
    label = "web"
    verbose_name = "Pages"

    def ready(self) -> None:
        from rekindle.web import receivers  # noqa: F401  # connects on import, once the models are there
