"""usage: read-xlsx.py FILE -- what openpyxl reads of a spreadsheet, as JSON: its rows, and of what type its cells are."""

import json
import sys
import zipfile

import openpyxl

path = sys.argv[1]
with open(path, "rb") as file:
    sheet = openpyxl.load_workbook(file).active
cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
with zipfile.ZipFile(path) as parts:
    sheets = [parts.read(name).decode() for name in parts.namelist() if name.startswith("xl/worksheets/")]
print(
    json.dumps(
        {
            "rows": [[cell.value or "" for cell in row] for row in sheet.iter_rows()],
            "types": sorted({type(cell.value).__name__ for cell in cells}),
            "kinds": sorted({cell.data_type for cell in cells}),
            "formulas": sum(text.count("<f>") + text.count("<f ") for text in sheets),
            "links": sum(text.count("<hyperlink") for text in sheets),
        }
    )
)
