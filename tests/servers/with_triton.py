"""Triton with one network: with_triton.py MODEL NAME PORT, an ONNX file or a folder that
`fer-trainer export --model-repository` has written. PyPI's nvidia-pytriton has Triton's own program
without the backend for ONNX, so the network is run by ONNX Runtime in a Python model
(triton_model.py); all else in config.pbtxt is as it was written."""

import importlib.util
import os
import pathlib
import shutil
import sys

path, name, port = sys.argv[1:]
folder = pathlib.Path(os.environ["FER_TEST_FOLDER"])
scripts = pathlib.Path(__file__).parent
packages = pathlib.Path(importlib.util.find_spec("pytriton").origin).parent.parent
triton = packages / "pytriton/tritonserver"

place = folder / "repository" / name
shutil.rmtree(place, ignore_errors=True)
config = f'name: "{name}"\nbackend: "onnxruntime"\n'
if pathlib.Path(path).is_dir():
    shutil.copytree(path, place)
    config = (place / "config.pbtxt").read_text()
else:
    (place / "1").mkdir(parents=True)
    shutil.copy(path, place / "1/model.onnx")
assert 'backend: "onnxruntime"' in config, config
(place / "config.pbtxt").write_text(config.replace('"onnxruntime"', '"python"'))
shutil.copy(scripts / "triton_model.py", place / "1/model.py")

# The backend wants the program that runs Python beside it.
backend = folder / "backends/python"
backend.mkdir(parents=True, exist_ok=True)
version = "{}.{}".format(*sys.version_info)
for file in [*(triton / "backends/python").iterdir(),
             triton / "python_backend_stubs" / version / "triton_python_backend_stub"]:
    link = backend / file.name
    link.unlink(missing_ok=True)
    link.symlink_to(file)

# It does not look into PYTHONPATH.
os.environ["FER_TEST_PATH"] = os.pathsep.join([str(scripts), str(packages)])
os.environ["LD_LIBRARY_PATH"] = str(packages / "nvidia_pytriton.libs")
program = triton / "bin/tritonserver"
os.execv(program, [
    "tritonserver", f"--model-repository={folder / 'repository'}",
    f"--backend-directory={backend.parent}", "--grpc-address=127.0.0.1", f"--grpc-port={port}",
    "--allow-http=false", "--allow-metrics=false", "--exit-timeout-secs=1"])
