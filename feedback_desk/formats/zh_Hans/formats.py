"""3月2日, not 03月2日."""

MONTH_DAY_FORMAT = "n月j日"
