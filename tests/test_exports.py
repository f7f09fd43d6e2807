"""Networks as graphs for other programs: `torch.export` and ONNX give what the network gives, for more inputs, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sedspace as ss
from test_transformers import PATCHES, WORDS
from toy import small_tss


def cell(read):
    """A network of two small cells."""
    return small_tss().network(11_668), torch.randn(2, 3, 8, 8)


def mobilenet(read):
    """A MobileNet, most of its layers identities."""
    return ss.network("nas_bench_macro", "12000210"), torch.randn(2, 3, 16, 16)


def vision_transformer(read):
    """A transformer of patches in two stages, with relative positions."""
    return read(PATCHES).network("SA-WMAh12d12:111"), torch.randn(2, 3, 12, 12)


def language_model(read):
    """A transformer of words, with a cosine transform."""
    return read(WORDS).network("6:LT-DCT:h2s1"), torch.randint(0, 20, (2, 7))


def several(x):
    """More inputs than the graph was made with."""
    return torch.cat([x, x.flip(0), x[:1]])


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
@pytest.mark.parametrize("made", [cell, mobilenet, vision_transformer, language_model])
def test_exported_networks_give_the_same(made, tmp_path):
    def read(text):
        file = tmp_path / "space.toml"
        file.write_text(text)
        return ss.read_space(file)

    torch.manual_seed(0)
    network, x = made(read)
    network.eval()
    program = torch.export.export(network, (x,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    more = several(x)
    expected = network(more)
    torch.testing.assert_close(program.module()(more), expected)

    onnx = pytest.importorskip("onnx", reason="ONNX needs onnx and onnxscript; torch.export was checked")
    pytest.importorskip("onnxscript", reason="ONNX needs onnx and onnxscript; torch.export was checked")
    from onnx.reference import ReferenceEvaluator

    model = torch.onnx.export(program, optimize=False, verbose=False).model_proto
    onnx.checker.check_model(model)
    assert {"head.classifier.weight", "head.classifier.bias"} <= {weight.name for weight in model.graph.initializer}
    found = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: more.numpy()})[0]
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-4, atol=1e-5)
