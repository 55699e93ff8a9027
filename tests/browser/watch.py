"""What is looked at on every page: what the browser complains of, whom it calls, and whether everyone can use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} blocked ${event.blockedURI} ${event.sample}`));
"""

HERE = Path(__file__).resolve().parent
FAULTS = (HERE / "faults.js").read_text(encoding="utf-8")
TOO_WIDE = (HERE / "too_wide.js").read_text(encoding="utf-8")


@dataclass
class Watch:
    """Complaints of the browser and calls beyond the house, gathered over the life of one context."""

    house: str
    expected: frozenset[int] = frozenset()  # answers of 400 and over that a test means to get
    complaints: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Begin to watch everything this context opens."""
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # A failed answer is judged in _response, by its status.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.house}/", "data:")):
            self.complaints.append(f"called {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")


def faults_of(page: Page) -> list[str]:
    """What keeps somebody from using this page, as far as a machine can tell."""
    found: list[str] = page.evaluate(FAULTS)
    return found


def too_wide(page: Page) -> list[str]:
    """How far the page reaches beyond its window to the side, and what does."""
    found: list[str] = page.evaluate(TOO_WIDE)
    return found
