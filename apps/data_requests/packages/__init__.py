"""The format of what a person is handed: `covenant-package/1`, one zip.

| file in it | what it is |
|---|---|
| `data.json` | all of it for machines: an overview, then a section per holding with its tables; each row as it was collected |
| `readable.html` | the same for people: opens in a browser without a network, has no script, reads on a phone and by a screen reader |
| `readable.pdf`, `readable-2.pdf`, … | the same to print and file (PDF/A and PDF/UA); its text can be searched |
| `files/<holding>/…` | files that were handed over with the rows, under names that are safe anywhere |
| `redactions.json` | what of other people was left out, where, how often and why; and which holdings were not handed over, and why |
| `manifest.json` | name, size and SHA-256 of every other file, and an Ed25519 signature over these |

At rest (`sealed_file`) the zip and the pieces it is made of are encrypted under the package's own secret, so that they end with it. `pieces` is how the
holdings' rows wait, one file per holding, until all are there; `redacting`, `page`, `pdf` and `manifest` write the files. Nothing here asks the database.
"""

FORMAT = "covenant-package/1"
