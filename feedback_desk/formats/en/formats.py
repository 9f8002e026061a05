"""15:19, as everywhere else at the desk, not 3:19 p.m."""

TIME_FORMAT = "H:i"
DATETIME_FORMAT = "N j, Y, H:i"
