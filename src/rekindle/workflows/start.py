"""First start and every start: the home folder, the tables, the first key to the house.

1. make REKINDLE_HOME, private to its owner;
2. bring the tables up to date (tables are only added to; an unreachable database stops here and says so);
3. finish what a killed process left half done, and lay out the playbooks that come with the product, turned off;
4. while there is no owner yet, make a one-time link for one.
"""

from __future__ import annotations

from contextlib import suppress

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection

from rekindle import home
from rekindle.accounts.models import User
from rekindle.accounts.roles import Role
from rekindle.errors import Conflict, RekindleError
from rekindle.journal.models import Playbook
from rekindle.workflows import merge, staff, take_in


def prepare() -> None:
    """Steps 1 to 3. Safe to repeat. Raises RekindleError where the books cannot be reached."""
    home.prepare()
    migrate()
    with suppress(Conflict):  # a load is being taken in right now, by a process that is alive and will finish it
        take_in.resume()
        merge.finish_if_any()
    if not Playbook.objects.exists():  # newer ones come with a night
        from rekindle.workflows.playbooks import books  # YAML and its schema, which no other start needs

        books.install()


def migrate() -> None:
    """Bring the tables up to date."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        first_line = str(error).strip().splitlines()[0]
        raise RekindleError(
            f"the books cannot be opened: {first_line}.",
            remedy="Check REKINDLE_DATABASE_URL and that the database is running, or REKINDLE_HOME and its disk.",
        ) from error
    call_command("migrate", verbosity=0, interactive=False)


def owner_link(*, anew: bool = False) -> str | None:
    """Step 4: the address where an owner sets a password, usable once within a day.

    None when an owner exists already, unless `anew` asks for one (nobody can sign in any more, but the machine is
    ours). Links made before and not used stop working.
    """
    if User.objects.filter(role=Role.OWNER.value, is_active=True).exists() and not anew:
        return None
    return f"{settings.SITE_URL}/set-up/{staff.owner_link()}/"
