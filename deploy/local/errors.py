"""What goes wrong in ways a person can mend."""


class NeedsAttention(Exception):
    """The system cannot start as things are. The message says what to do; trying again alone will not help."""


class PortTaken(NeedsAttention):
    """A port is used by a program that is not ours."""


class JarRefused(NeedsAttention):
    """A jar's bytes are not the ones the lock file names. Never run it: find out why it changed."""


class JarsUnavailable(NeedsAttention):
    """The jars could not be fetched."""


class PostgresMissing(NeedsAttention):
    """No PostgreSQL fits: none is installed, or the data was made by a version that is gone."""


class PartNotReady(NeedsAttention):
    """A part did not become ready in time."""


class BuildFailed(NeedsAttention):
    """A package for browsers cannot be built; the message holds what Node.js or npm said."""


class Busy(NeedsAttention):
    """Another command is starting or stopping this instance."""


class SettingsChanged(NeedsAttention):
    """The system runs with other settings than these."""


class SettingsWrong(NeedsAttention):
    """A setting has a value that cannot be."""


class NoSuchPart(NeedsAttention):
    """A name was given that no part has."""


class NotRunning(NeedsAttention):
    """The command needs a running system."""
