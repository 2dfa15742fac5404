"""contrace shows how a container is born.

The package is laid out along the one way data flows: ``capture`` (effects) turns kernel activity into
``records``; ``trace`` keeps them in a file; ``decode`` and ``story`` (pure) give them meaning; ``output``
and ``cli`` show it. ``docs/architecture.md`` explains each room.
"""

__version__ = "0.1.0"
