from tests.pairs import pairs_fit  # noqa: F401 - a fixture that looks after every service call
from tests.ways import way  # noqa: F401 - a fixture that brings a complaint to any state
