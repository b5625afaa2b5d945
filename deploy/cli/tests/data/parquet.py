"""Makes the Parquet files of the standing hostile inputs (row 18). Needs pyarrow; run in this folder.

The files are committed: tests need no Python. Values follow from the row number alone.
"""

import datetime
import decimal

import pyarrow
from pyarrow import parquet

ROWS = 400
START = datetime.datetime(2021, 3, 1, 6, 30)
ZONE = datetime.timezone(datetime.timedelta(hours=2))


def moment(row):
    return START + datetime.timedelta(minutes=37 * row)


labels = [("north", "south", "east")[row * row % 3] for row in range(ROWS)]
parquet.write_table(
    pyarrow.table({"at": pyarrow.array([moment(row) for row in range(ROWS)], pyarrow.timestamp("us")), "label": labels, "n": range(ROWS)}),
    "int96.parquet",
    use_deprecated_int96_timestamps=True,
    store_schema=False,
)
parquet.write_table(
    pyarrow.table(
        {
            "price": pyarrow.array([decimal.Decimal(row * 7 % 1000) / 100 for row in range(ROWS)], pyarrow.decimal128(9, 2)),
            "zoned": pyarrow.array([moment(row).replace(tzinfo=ZONE) for row in range(ROWS)], pyarrow.timestamp("ms", tz="+02:00")),
            "place": pyarrow.array([{"town": label, "floor": row % 5} for row, label in enumerate(labels)]),
            "list": pyarrow.array([[row % 3, None] for row in range(ROWS)], pyarrow.list_(pyarrow.int32())),
            "kind": pyarrow.array(labels).dictionary_encode(),
            "great": pyarrow.array([9_007_199_254_740_993 + 2 * (row % 40) for row in range(ROWS)], pyarrow.int64()),
        }
    ),
    "rich.parquet",
)
