"""The training step, the validation on whole images, and the optimiser, as a Lightning module."""

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor

from nuseg.datasets.dataset import Dataset, Item, load_pixels, load_with_ignore
from nuseg.evaluation.classes import Confusion, mean_matched_f1
from nuseg.evaluation.report import score_image
from nuseg.model.config import ModelConfig
from nuseg.model.network import Network, network_maps
from nuseg.model.store import Model
from nuseg.segmentation.segmenter import Segmenter
from nuseg.training.averaging import drawn_towards
from nuseg.training.class_choice import confuse_item
from nuseg.training.config import TrainConfig
from nuseg.training.losses import inconsistency, pixel_weights, segmentation_loss
from nuseg.training.patches import Patch


class Training(L.LightningModule):
    """What Lightning repeats: loss of a batch, scores of a whole validation image, optimiser and schedule.

    Parameters
    ----------
    network
        To train; as it is given is what `network.init_share` keeps a share of.
    config
        Of the training.
    model
        Configuration under which validation images are segmented.
    validation
        Whole images to validate on, each with its dataset and with nuclei in it; the loader gives their numbers.
    """

    def __init__(
        self, network: Network, config: TrainConfig, model: ModelConfig, validation: Sequence[tuple[Item, Dataset]]
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.model_config = model
        self.validation = validation
        self.start = known_weights(network) if config.network.init_share else None
        self.frozen = config.optimiser.freeze
        if self.frozen:
            assert network.branch is not None
            network.requires_grad_(False)
            network.branch.requires_grad_(True)
        self.begun = False  # with the first step; what goes wrong before is the fault of a checkpoint
        self.losses: dict[str, list[Tensor]] = defaultdict(list)
        self.scores: dict[str, list[float]] = defaultdict(list)
        self.confusions: list[Confusion] = []

    def on_train_start(self) -> None:
        """Take up the learning rate where the schedule has it: a resumed run may have become longer."""
        schedule = self.lr_schedulers()
        assert isinstance(schedule, torch.optim.lr_scheduler.LambdaLR)
        factors = [factor(schedule.last_epoch) for factor in schedule.lr_lambdas]
        for group, base, factor in zip(schedule.optimizer.param_groups, schedule.base_lrs, factors, strict=True):
            group["lr"] = base * factor
        self.begun = True

    def on_train_epoch_start(self) -> None:
        # Chance within the network (dropout) is that of the epoch, whether the training was interrupted or not.
        seed = np.random.SeedSequence([self.config.seed, self.current_epoch]).generate_state(1, np.uint64)
        torch.manual_seed(int(seed[0] >> np.uint64(1)))
        if self.frozen:  # what a batch looks like must not change the normalisation of what stays as it is
            assert self.network.branch is not None
            self.network.eval()
            self.network.branch.train()

    def training_step(self, batch: Patch, _index: int) -> Tensor:
        x = batch.pixels.float().contiguous(memory_format=torch.channels_last)
        how, network = self.config.optimiser, self.network
        weight = pixel_weights(batch.targets["mask"], batch.touching, batch.known, how.touching_weight)
        instance = batch.whole & torch.as_tensor(batch.instance)[:, None, None, None]
        logits = network.branch_logits(x) if self.frozen else network(x)
        heads = [head for head in network.outputs if head.name in logits]
        parts = segmentation_loss(heads, logits, batch.targets, weight, instance, how.part_weights)
        if how.consistency:
            turns, mirrored = int(torch.randint(4, ())), bool(torch.randint(2, ()))
            turned = network(turn(x, turns, mirrored))
            back = {name: turn_back(values, turns, mirrored) for name, values in turned.items()}
            parts["inconsistency"] = inconsistency(heads, logits, back)
            parts["loss"] = parts["loss"] + how.consistency * parts["inconsistency"]
        for name, value in parts.items():
            self.losses[name].append(value.detach())
        return parts["loss"]

    def validation_step(self, number: int, _index: int) -> None:
        item, dataset = self.validation[number]
        pixels = load_pixels(item)
        found = self.segmenter()(pixels, item.mpp)
        if item.label is not None:
            _, labels, ignore = load_with_ignore(item)
            for name, value in score_image(labels, found.labels, dataset.annotation == "instance", ignore).items():
                self.scores[name].append(value)
        if self.model_config.classes:
            confusion = confuse_item(item, found.nuclei, (pixels.shape[0], pixels.shape[1]))
            self.confusions += [] if confusion is None else [confusion]

    def on_validation_epoch_end(self) -> None:
        for name, values in self.losses.items():
            self.log(f"train/{name}", torch.stack(values).mean(), sync_dist=True)
        self.losses.clear()
        for name in ("dice", "aji", "pq", "f1"):
            if self.scores[name]:
                self.log(f"validation/{name}", float(np.mean(self.scores[name])), sync_dist=True, prog_bar=True)
        self.scores.clear()
        if self.model_config.classes:
            confusion = Confusion.together(self.confusions)
            self.log("validation/class_f1", np.nan_to_num(mean_matched_f1(confusion)), sync_dist=True, prog_bar=True)
            accuracy = float("nan") if confusion is None else confusion.accuracy
            self.log("validation/class_accuracy", np.nan_to_num(accuracy), sync_dist=True)
        self.confusions.clear()

    def result(self) -> Network:
        """The network that the training would give if it ended now."""
        if self.start is None:
            return self.network
        return drawn_towards(self.network, self.start, self.config.network.init_share)

    def segmenter(self) -> Segmenter:
        """The result as it is now, in the pipeline that users run."""
        return Segmenter(Model(self.model_config, Path()), partial(network_maps, self.result()))

    def configure_optimizers(self) -> Any:
        how = self.config.optimiser
        network = self.network
        pretrained = (
            set() if network.pretrained is None else set(network.get_submodule(network.pretrained).parameters())
        )
        fresh = [p for p in network.parameters() if p not in pretrained and p.requires_grad]
        kept = [p for p in network.parameters() if p in pretrained]
        groups: list[dict[str, Any]] = []
        for parameters, factor in ((kept, how.encoder_lr), (fresh, 1.0)):
            # Weight decay is for the kernels; biases and normalisations are left free.
            kernels = [p for p in parameters if p.ndim > 1]
            others = [p for p in parameters if p.ndim <= 1]
            groups += [
                {"params": kernels, "lr": how.lr * factor},
                {"params": others, "lr": how.lr * factor, "weight_decay": 0.0},
            ]
        optimiser = torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=how.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: warmup_cosine(step, how.epochs * how.steps, how.warmup)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def known_weights(network: Network) -> dict[str, Tensor]:
    """A copy of the weights that a network starts with, without those of what was added to it."""
    added = f"{network.added}."
    return {name: value.clone() for name, value in network.state_dict().items() if not name.startswith(added)}


def turn(batch: Tensor, turns: int, mirrored: bool) -> Tensor:
    """A batch `(n, c, h, w)` mirrored, then after quarter turns."""
    turned = torch.rot90(batch.flip(3) if mirrored else batch, turns, (2, 3))
    return turned.contiguous(memory_format=torch.channels_last)


def turn_back(batch: Tensor, turns: int, mirrored: bool) -> Tensor:
    """What `turn` made of a batch, as it was."""
    before = torch.rot90(batch, -turns, (2, 3))
    return before.flip(3) if mirrored else before


def warmup_cosine(step: int, steps: int, warmup: float) -> float:
    """Learning-rate factor: a linear rise over the first share of the steps, then half a cosine down to 0."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 * (1 + math.cos(math.pi * min((step - rise) / max(steps - rise, 1), 1)))
