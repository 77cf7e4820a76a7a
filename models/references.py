"""Write what a model makes of the probes into the package, for `instar model check` to compare with.

    python models/references.py static minilm=onnx:FP32_FOLDER …

Each name is one of the catalogue; behind `=` stands the model to ask in its place, for it is the original (fp32) that
every copy is measured against. Vectors are kept as int8 with a scale each, in base64.
"""

import base64
import json
import sys
from pathlib import Path

from instar.domain.catalogue import resolve
from instar.domain.models import StorageFormat
from instar.domain.vectors import encode
from instar.settings import load
from instar.wiring import Workspace

PROBES = Path(__file__).parents[1] / "src" / "instar" / "resources" / "probes.json"


def main(names: list[str]) -> None:
    content = json.loads(PROBES.read_text("utf-8"))
    models = Workspace(load().settings).models
    for argument in names:
        name, _, original = argument.partition("=")
        vectors = models.bare(resolve(original or name, models.entries)).embed_documents(content["texts"]).vectors
        content["references"][name] = base64.b64encode(encode(vectors, StorageFormat.INT8).tobytes()).decode()
    PROBES.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
