"""The pretended GPU minds what a GPU would mind, counts, and leaves no trace behind."""

import gc

import pytest
import torch

from pretended import GPUFault, GPUTensor, driver, rules

A_NUMBER = torch.tensor(2.0)


def test_numbers_are_those_of_the_processor(pretend):
    x, y = torch.randn(2, 5, 4, generator=torch.Generator().manual_seed(0))
    with pretend():
        there = (x.to("cuda:0") @ y.to("cuda").mT).softmax(1).sum(0).cpu()
    assert torch.equal(there, (x @ y.mT).softmax(1).sum(0))
    assert type(there) is torch.Tensor


def test_results_are_on_the_gpu_also_of_operations_in_place(pretend):
    with pretend():
        x = torch.zeros(3, device="cuda")
        assert x.add_(A_NUMBER) is x
        views = [x[1:], x.new_ones(2), torch.empty_like(x), x.double(), x.new_tensor([1])]
        assert {type(view) for view in views} == {GPUTensor}
        assert {view.device for view in views} == {torch.device("cuda", 0)}
        views[0].mul_(2)
        assert x.tolist() == [2, 4, 4]
        assert x.unsqueeze_(0).shape == x.shape == (1, 3)
        assert (x.new_ones(2) @ x.new_ones(2, 3)).shape == (3,)


WAITING = {
    "item": (lambda x: x.sum().item(), 1),
    "a condition": (lambda x: bool(x[0] > 0), 1),
    "nonzero": (lambda x: x.nonzero(), 1),
    "a mask": (lambda x: x[x > 0], 1),
    "values for a mask": (lambda x: x.masked_fill_(x > 0, 1.0), 0),
    "a number for a mask": (lambda x: x.__setitem__(x > 0, 1.0), 0),
    "the GPU's number for a mask": (lambda x: x.__setitem__(x > 0, x.sum()), 1),
    "an element": (lambda x: x.__setitem__(-1, 1.0), 1),
    "a slice": (lambda x: x[1:].fill_(1.0), 0),
    "a list of indices": (lambda x: x[[0, 2]], 1),
    "indices of the GPU": (lambda x: x[x.long()], 0),
    "new_tensor": (lambda x: x.new_tensor([1.0]), 1),
    "new_zeros": (lambda x: x.new_zeros(3), 0),
    "bincount": (lambda x: torch.bincount(x.long()), 2),
    "to the CPU": (lambda x: x.cpu(), 1),
    "to a list": (lambda x: x.tolist(), 1),
    "to the CPU, in place": (lambda x: torch.empty(4).copy_(x), 1),
    "from the CPU": (lambda x: torch.zeros(4).to("cuda"), 1),
    "from the CPU, in place": (lambda x: x.copy_(torch.zeros(4)), 1),
    "not from pinned memory": (lambda x: torch.zeros(4).to("cuda", non_blocking=True), 1),
    "from pinned memory": (lambda x: torch.zeros(4).pin_memory().to("cuda", non_blocking=True), 0),
    "in place, from it": (lambda x: x.copy_(torch.zeros(4).pin_memory()[:4], non_blocking=True), 0),
    "another dtype": (lambda x: x.double(), 0),
    "repeat_interleave": (lambda x: x.repeat_interleave(x.long()), 1),
    "eigenvalues": (lambda x: torch.linalg.eigvalsh(torch.ones(2, 2, device="cuda")), 1),
    "synchronize": (lambda x: torch.cuda.synchronize(), 1),
    "a CPU's mask of the CPU": (lambda x: torch.ones(2)[torch.ones(2) > 0], 0),
}


@pytest.mark.parametrize("work", WAITING)
def test_waits_are_counted_and_refused_while_a_graph_is_captured(pretend, work):
    run, expected = WAITING[work]
    with pretend() as gpu:
        x = torch.ones(4, device="cuda")
        gpu.restart()
        run(x)
        assert gpu.waits == expected, gpu.waited
        with torch.cuda.graph(torch.cuda.CUDAGraph()):
            if expected:
                with pytest.raises(GPUFault, match="waits"):
                    run(x)
            else:
                run(x)


REFUSED = {
    "mixes": lambda x: x + torch.ones(4),
    "index_select mixes": lambda x: x.index_select(0, torch.arange(2)),
    "cat mixes": lambda x: torch.cat([x, torch.ones(1)]),
    "randn draws": lambda x: torch.randn(4, device="cuda"),
    "normal_ draws": lambda x: x.normal_(),
    "cumsum has no deterministic": lambda x: x.cumsum(0),
    "histc has no deterministic": lambda x: x.histc(3),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_a_gpu_would_refuse_is_a_fault(pretend, fault):
    with pretend():
        x = torch.ones(4, device="cuda")
        with pytest.raises(GPUFault, match=fault):
            REFUSED[fault](x)
        assert (x + A_NUMBER).tolist() == [3] * 4  # a number may come from anywhere
        assert x.long().cumsum(0).tolist() == [1, 2, 3, 4]


def test_operations_without_a_deterministic_kernel_are_those_of_the_documentation():
    documented = torch.use_deterministic_algorithms.__doc__
    refused = documented.partition("operations will throw a")[2].partition("In addition")[0]
    assert all(f"{title}`" in refused for title in rules.NONDETERMINISTIC.values())


def test_launches_are_kernels_and_not_views(pretend):
    with pretend() as gpu:
        x = torch.zeros(6, device="cuda").view(2, 3).mT[1:].unsqueeze(0)
        torch.empty_like(x)
        x.add_(1).mul_(2)
    assert gpu.launches == 3
    assert dict(gpu.launched) == {"zeros": 1, "add_": 1, "mul_": 1}
    assert gpu.operations == 8


def test_a_graph_is_recorded_without_being_done_and_replayed_on_the_same_tensors(pretend):
    with pretend() as gpu:
        x, rate = torch.ones(2, device="cuda"), 1.0
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            x.add_(x.square(), alpha=rate)
            result = x * 2
        assert x.tolist() == [1, 1]
        rate = 100.0  # too late
        graph.replay()
        assert (x.tolist(), result.tolist()) == ([2, 2], [4, 4])
        graph.replay()
        assert (x.tolist(), result.tolist()) == ([6, 6], [12, 12])
        assert gpu.launched["replay"] == 2


def test_a_graph_must_not_be_destroyed_while_another_is_captured(pretend):
    def destroy():
        with pretend():
            first = torch.cuda.CUDAGraph()
            with torch.cuda.graph(first):
                pass
            with torch.cuda.graph(torch.cuda.CUDAGraph()):
                del first

    with pytest.raises(GPUFault, match="destroyed"):
        destroy()


def test_memory_is_that_of_the_living_tensors(pretend):
    with pretend() as gpu:
        x = torch.zeros(1000, device="cuda")
        view = x[10:].view(9, -1)
        assert gpu.memory.now == 4096  # in grains of 512
        y = x.double()
        assert (gpu.memory.now, gpu.memory.peak) == (4096 + 8192, 4096 + 8192)
        del x
        assert gpu.memory.now == 4096 + 8192
        del view, y
        assert (gpu.memory.now, gpu.memory.peak) == (0, 4096 + 8192)


def test_a_graphs_memory_is_its_own_until_it_is_gone(pretend):
    with pretend() as gpu:
        x, graph = torch.zeros(128, device="cuda"), torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for _ in range(3):
                x.add_(x * 2)  # 512 bytes, three times the same
        assert gpu.memory.now == 2 * 512
        del graph
        assert gpu.memory.now == 512


def test_beyond_its_memory_there_is_an_error_and_what_lives_stays(pretend):
    with pretend(gigabytes=2e-6):  # 2,000 bytes
        x = torch.ones(128, device="cuda")
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            torch.zeros(400, device="cuda")
        assert torch.cuda.mem_get_info() == (2000 - 512, 2000)
        assert x.sum().item() == 128


def test_afterwards_all_is_as_before(pretend):
    before = torch.cuda.is_available(), torch.Tensor.to, torch.cuda.CUDAGraph
    with pretend():
        kept = torch.ones(2, device="cuda")
        assert torch.cuda.is_available()
    assert before == (torch.cuda.is_available(), torch.Tensor.to, torch.cuda.CUDAGraph)
    with pytest.raises(RuntimeError, match="there is none any more"):
        kept + 1
    del kept
    gc.collect()


def test_where_pytorch_is_built_differently_there_is_a_reason(monkeypatch):
    def missing():
        raise ValueError("undefined symbol")

    monkeypatch.setattr(driver, "without_driver", missing)
    assert "undefined symbol" in driver.unavailable.__wrapped__()
    monkeypatch.setattr(driver.sys, "platform", "darwin")
    assert "Linux only" in driver.unavailable.__wrapped__()
