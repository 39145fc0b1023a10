"""The mean of the weights of models of one network that started from the same weights, as a model.

    python benchmarks/accuracy/mean.py OUT MODEL MODEL [...]

Thresholds, calibration and card are those of the first; the card lists the trainings of all.

Source: Wortsman et al., "Model soups", ICML 2022.
"""

import argparse
from pathlib import Path

from nuseg.io.atomic import atomic_folder
from nuseg.model.export import load_network, save_model
from nuseg.model.store import load_model
from nuseg.training.averaging import drawn_towards


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    models = [load_model(name) for name in arguments.models]
    mean = load_network(models[0])
    for count, model in enumerate(models[1:], 2):
        mean = drawn_towards(mean, load_network(model).state_dict(), 1 / count)
    first = models[0].config
    training = {"mean of": [model.config.training for model in models]}
    config = first.model_copy(update={"training": training, "precision": "f32", "scores": {}, "files": {}})
    with atomic_folder(arguments.out) as folder:
        save_model(mean, config, folder)


if __name__ == "__main__":
    main()
