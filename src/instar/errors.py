"""The exceptions Instar raises on purpose.

    InstarError
    ├── UsageError              what was asked for cannot be done as asked          exit code 2
    │   ├── RootRefusedError    a folder that must not be indexed
    │   ├── RootMissingError    a root that is not there now (unmounted, moved)
    │   ├── SettingError        a setting with an unusable value
    │   │   └── UnknownModelError  the name of a model that nobody knows
    │   └── MigrationError      a step a migration cannot take now
    ├── BusyError               another process holds the writer's lock             exit code 3
    │   └── LeaseLostError      another process does the work of the migration now
    ├── StorageError            the data folder cannot be used                      exit code 4
    │   ├── SchemaError         made by a newer program, or not by Instar
    │   ├── DamagedError        the database is damaged and is not served
    │   ├── DiskFullError       no room left; what was acknowledged is safe
    │   └── DerivedDamageError  a derived file cannot be used; it is rebuilt, never served
    └── ModelError              a model that cannot be used                         exit code 5
        ├── ModelMissingError   it, its library or one of its files is not there, or not what it should be
        ├── ModelAwayError      its server does not answer now: later it may
        └── ModelUnsoundError   what it answers cannot be read, or cannot be stored
            └── ModelChangedError  it is not the one that made the vectors stored under its name

Each carries `message` (one line, what happened) and `remedy` (one line, what to do next).
"""

from typing import ClassVar


class InstarError(Exception):
    """Base of all errors a user can cause or mend."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UsageError(InstarError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class RootRefusedError(UsageError):
    """A folder that must not be indexed."""


class RootMissingError(UsageError):
    """A root that is not there now."""


class SettingError(UsageError):
    """A setting with an unusable value."""


class UnknownModelError(SettingError):
    """The name of a model that neither the catalogue nor the user knows."""


class MigrationError(UsageError):
    """A step a migration cannot take now."""


class BusyError(InstarError):
    """Another process holds the writer's lock."""

    exit_code = 3


class LeaseLostError(BusyError):
    """Another process does the work of the migration now."""


class StorageError(InstarError):
    """The data folder cannot be used."""

    exit_code = 4


class SchemaError(StorageError):
    """The data folder was made by a newer program, or not by Instar."""


class DamagedError(StorageError):
    """The database is damaged and is not served."""


class DiskFullError(StorageError):
    """No room is left on the disk of the data folder."""


class DerivedDamageError(StorageError):
    """A derived file cannot be used; it is rebuilt from the corpus."""

    def __init__(self, message: str, remedy: str = "`instar index` rebuilds it") -> None:
        super().__init__(message, remedy)


class ModelError(InstarError):
    """A model cannot be used."""

    exit_code = 5


class ModelMissingError(ModelError):
    """A model, its library or one of its files is not there, or not what it should be."""


class ModelAwayError(ModelError):
    """The server of a model does not answer now."""


class ModelUnsoundError(ModelError):
    """What a model answers cannot be read, or cannot be stored."""


class ModelChangedError(ModelUnsoundError):
    """A model is not the one that made the vectors stored under its name."""
