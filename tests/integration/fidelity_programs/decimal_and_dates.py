import datetime
import decimal
import time
import zoneinfo

print(decimal.Decimal(1) / 7, datetime.date(2024, 2, 29) + datetime.timedelta(365))
print(time.tzname, datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")).isoformat())
