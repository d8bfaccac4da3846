"""Brings a model into memory: which device and numbers it gets, and that nothing of it runs as a program."""

from pathlib import Path
from typing import Any, Literal

from trialbox.synthesis.extras import extra_synthesis
from trialbox.synthesis.generators.generator import GeneratorError

with extra_synthesis("a model on this machine"):
    import torch
    import transformers

Dtype = Literal["auto", "float32", "bfloat16", "float16"]


def loaded(model: str, device: str | None, dtype: Dtype) -> tuple[Any, Any]:
    """Load a model and its tokenizer as `LocalModel.load` says; raises GeneratorError."""
    if _is_path(model) and not Path(model).is_dir():
        raise GeneratorError(f"can't load the model {model!r}: there is no such folder")
    where = _device(device)
    shows_progress = transformers.utils.logging.is_progress_bar_enabled()
    # It would write over what the command shows.
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        # Pickled weights and a model's own modules are programs that would run here.
        weights = transformers.AutoModelForCausalLM.from_pretrained(
            model, dtype=_dtype(dtype, where), use_safetensors=True, trust_remote_code=False
        )
        return weights.to(where), tokenizer
    except (OSError, ValueError, ImportError) as error:
        place = "" if Path(model).is_dir() else ", which is no folder here"
        raise GeneratorError(f"can't load the model {model!r}{place}: {error}") from error
    except torch.OutOfMemoryError as error:
        raise GeneratorError(f"{where} has too little memory for the model {model!r}") from error
    finally:
        if shows_progress:
            transformers.utils.logging.enable_progress_bar()


def _is_path(model: str) -> bool:
    """Whether it can't be a name on the hub, which the library would ask for a minute where there is no network."""
    return model.startswith((".", "/", "~")) or model.count("/") > 1


def _device(name: str | None) -> Any:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise GeneratorError(f"device must be a device such as cpu, cuda or cuda:1, not {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise GeneratorError(f"device must be one of this machine, not {name!r}: torch finds no GPU")
    return device


def _dtype(name: Dtype, device: Any) -> Any:
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    return getattr(torch, name)
