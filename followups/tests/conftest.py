from tests.ways import way  # noqa: F401 - a fixture that brings a complaint to any state
