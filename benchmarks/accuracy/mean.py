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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    models = [load_model(name) for name in arguments.models]
    networks = [load_network(model) for model in models]
    weights = [network.state_dict() for network in networks]
    mean = {
        name: sum(own[name].double() for own in weights).div(len(weights)).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in weights[0].items()
    }
    networks[0].load_state_dict(mean)
    first = models[0].config
    training = {"mean of": [model.config.training for model in models]}
    config = first.model_copy(update={"training": training, "precision": "f32", "scores": {}, "files": {}})
    with atomic_folder(arguments.out) as folder:
        save_model(networks[0], config, folder)


if __name__ == "__main__":
    main()
