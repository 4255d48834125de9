"""Several processes: `accelerate launch` and `torchrun` train to the same losses as one process.

``--multi_gpu`` names the launcher that starts several processes; the script keeps the model
on the CPU. With ``--cpu`` or without a flag, accelerate 1.15 would start only one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("trl")

LAUNCHERS = {
    "accelerate": (
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
        *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--num_cpu_threads_per_process", "1", "--main_process_port", "0"),
    ),
    "torchrun": ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
}

SCRIPT = Path(__file__).with_name("run_sft.py")


def launch(folder: Path, *launcher: str) -> tuple[dict, dict[str, torch.Tensor]]:
    """Run the script under a launcher; return what process 0 wrote."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(folder)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ
        | {
            "PYTHONPATH": str(SCRIPT.parents[2]),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return (
        json.loads((folder / "result.json").read_text()),
        load_file(folder / "model.safetensors"),
    )


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict[str, torch.Tensor]]:
    return launch(tmp_path_factory.mktemp("one") / "run")


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_give_the_losses_and_weights_of_one(
    launcher: str, one: tuple[dict, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    alone, weights = one

    two, shared_weights = launch(tmp_path / "two", *LAUNCHERS[launcher])

    assert (alone["processes"], two["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(alone["losses"], rel=1e-5)
    assert alone["losses"][-1] < alone["losses"][0]
    torch.testing.assert_close(shared_weights, weights, rtol=1e-3, atol=1e-4)
