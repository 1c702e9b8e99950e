"""What the client raises, named by what the caller can do about it.

=================  =====================================================  ==================================
error              when                                                   what to do
=================  =====================================================  ==================================
`Unauthenticated`  no valid API key (401, 403)                            mend the key
`Refused`          any other answer 4xx                                   see ``problem``; do not send again
`Unavailable`      no good answer before the deadline, or closed          ask again later
=================  =====================================================  ==================================
"""

from telltale._models import Problem


class TelltaleError(Exception):
    """Base of everything this client raises about the server."""


class Refused(TelltaleError):
    """The server will not have this request; the same request will be refused again.

    Parameters
    ----------
    problem
        The server's own words.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code or problem.title}: {problem.detail}".rstrip(": "))
        self.problem = problem


class Unauthenticated(Refused):
    """The server does not know the API key."""


class Unavailable(TelltaleError):
    """No answer to rely on: the server is away, overloaded, or the client was closed."""
