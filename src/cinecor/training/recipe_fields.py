"""What a recipe may say: every field with its type, limits, default and help text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from cinecor.clips.masking import identify
from cinecor.clips.transforms import AUGMENTATIONS, Augmentation
from cinecor.records import ClipSpec
from cinecor.training.mirror import Part, mirror
from cinecor.training.published import PublishedPart
from cinecor.training.semi_fields import SemiPart

OUTLINED_FRAMES = "outlined"
"""Target of a segmentation on which nothing is measured: how many frames of a study are outlined, as its label."""

LIKE = ("layout", "patient")
"""Ways to split (`split.by`) beside which the splits of another run can be taken over."""

Structure = Literal["rv", "myocardium", "lv", "fov", "epicardium"]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
OptimiserName = Literal["adam", "adamw", "sgd", "nadam", "radam", "lamb", "lion", "madgrad", "rmsprop"]

ClipPart = mirror(ClipSpec, without=("mask",))
_AugmentationRanges = mirror(Augmentation, optional=True)


class ModelPart(Part):
    """Which network."""

    name: str = "i3d"
    """A network of `cinecor models`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Its options; `cinecor models NAME` explains them. Input channels and size follow the clip unless given."""


class StartPart(Part):
    """What the network knows before it is trained."""

    weights: str | None = None
    """Folder of weights to start from: a run, or made by `cinecor import`. The name of public weights says which ones
    are meant, to be imported first; RUN-OF- and a recipe's name, that a run of it has to be given. null: fresh ones."""
    head: Literal["keep", "fresh"] = "keep"
    """keep: take the head over as well, where it has the same outputs and predicts the same target."""
    freeze: Literal["none", "trunk", "head"] = "none"
    """trunk: train the head alone; head: train the trunk alone. What is frozen has no gradient and computes as in
    evaluation, so that its batch norms stay as they are."""
    sha256: str = ""
    """Hash of the weights; filled in when a training begins."""


class MaskPart(Part):
    """What is blanked on recorded frames before anything else is done with them: all that an outline leaves out."""

    weights: str | None = None
    """Folder of a run of task segmentation, which draws the outline on every frame; it is copied into the run's own
    folder. RUN-OF- and a recipe's name: a run of it has to be given. null: nothing is blanked."""
    structure: Structure = "fov"
    """Which of its outlines."""
    sha256: str = ""
    """Hash of the weights; filled in when a training begins."""


class SamplingPart(Part):
    """Which clips of each loop are taken."""

    train: Literal["first", "random", "even", "outlined"] = "random"
    """In training: from the first frame, from a random one (anew each epoch), spread evenly, or one from each frame
    that was outlined."""
    train_clips: Positive = 1
    """Clips of each loop in a training epoch."""
    views: Annotated[int, Field(ge=1, le=8)] = 1
    """So many random clips of a loop stand in the same batch: with 2, a batch of 16 loops has 32 clips."""
    views_differ: bool = True
    """Each view is a clip and a variation of its own; false: all are one clip, varied once."""
    drop_last: bool = False
    """Leave out what does not fill a training batch at the end of an epoch, as CoReEcho's code does."""
    validation: Literal["even", "random"] = "even"
    """Validation clips are spread evenly over each loop, or drawn anew after each epoch, as CoReEcho's code does."""
    validation_clips: Positive = 1
    """Clips of each loop in the validation after each epoch."""
    test: Literal["even", "random", "all", "listed"] = "even"
    """Test clips are spread evenly over each loop, drawn at random, those from every frame that a clip can start at
    (all, as EchoNet-Dynamic's code tests; in the validation split, too), or those of `test_starts`, which are of the
    test split alone (listed). In the splits that all and listed are not of, they are spread evenly."""
    test_clips: Positive = 3
    """Clips of each loop whose mean is the final prediction; after training in all splits, but in validation and test
    where `test` is all."""
    test_starts: str | None = None
    """CSV table of the first frames of test clips: study,start,start,start in each row, under a row of names."""
    from_first: bool = False
    """Validate and test on the clip from the first frame instead, as paper 000's code does."""


class AugmentationPart(_AugmentationRanges):  # type: ignore[valid-type]
    """How training clips are varied: a named preset, any range of which can be replaced."""

    preset: str = "none"
    """One of the named sets of ranges: none, coreecho, echonet, transfer, madani, wide, cine_mri."""


class OptimiserPart(Part):
    """How weights are changed."""

    name: OptimiserName = "adam"
    """Which optimiser."""
    lr: Annotated[float, Field(gt=0, le=100)] = 1e-3
    """Learning rate at its highest."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Weight decay (decoupled in adamw); not of biases and norms."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum, first beta, of those that have one."""
    decay_all: bool = False
    """Decay biases and norms as well, as torch does by itself and the papers' codes with it."""
    head_decay: Annotated[float, Field(ge=0)] | None = None
    """Weight decay of the head's layers instead; with weight_decay 0 that of the dense layers alone. Keras' L2 of 0.03,
    which is added to the loss, is 0.06 of adam here, which is added to the gradient. Not given: weight_decay."""


class SchedulePart(Part):
    """How the learning rate goes on."""

    name: Literal["constant", "step", "halve", "cosine", "plateau"] = "constant"
    """constant; step (times `factor` every `every` epochs); halve (step with factor 0.5); cosine (down to `floor`);
    plateau (times `factor` after `every` epochs without a better monitored metric)."""
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """Epochs over which the rate rises linearly from near 0."""
    every: Positive = 10
    """Epochs; for step, halve and plateau."""
    times: Annotated[int, Field(ge=0)] = 0
    """For step and halve: so often at most; 0: as often as there are epochs for."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """For step and plateau."""
    floor: Share = 0.0
    """Lowest rate as a part of the highest; for cosine and plateau."""


class LossPart(Part):
    """What is minimised."""

    name: Literal["mse", "l1", "huber", "bce", "cross_entropy", "dice", "bce_sum", "coreecho"] = "mse"
    """Mean squared error, mean absolute error, or Huber's; bce, binary cross-entropy, where yes or no is learned;
    cross_entropy, of a softmax, where one of many classes is.
    Where outlines are: dice (with cross-entropy), a mean; bce, the mean over pixels alone; or bce_sum,
    EchoNet-Dynamic's, half the cross-entropy summed over pixels and frames, whose learning rate depends on both.
    coreecho: Rank-N-Contrast of the embeddings, which alone trains the trunk, and mean absolute error, which alone
    trains the head."""
    pooled: bool = False
    """In dice: the overlap of all frames of a batch together, so that one where a structure is small or missing counts
    by its pixels; without it every frame counts the same."""
    class_weights: Literal["none", "balanced"] = "none"
    """balanced: in cross_entropy and bce a clip counts by how rare its class is among the training clips."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of the contrast in coreecho."""
    delta: Annotated[float, Field(gt=0)] = 5.0
    """Where Huber's loss turns from square to straight, in the target's unit."""
    outline: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a second loss, that of outlines (dice with cross-entropy, on the traced frames of training clips); the
    network must have a head for them (i3d_outline). 0: none."""


class SecondPart(Part):
    """A second stage, from the best weights of the first. What it does not say is as in the first."""

    epochs: Annotated[int, Field(ge=0)] = 0
    """Passes over the training clips, at most; 0: there is no second stage."""
    freeze: Literal["none", "trunk", "head"] = "trunk"
    """trunk: train the head alone; head: the trunk alone, as `start.freeze` has it."""
    loss: Literal["mse", "l1", "huber", "bce", "cross_entropy"] = "l1"
    """What is minimised; bce or cross_entropy where that is the first stage's."""
    lr: Annotated[float, Field(gt=0, le=100)] = 1e-4
    """Learning rate. The optimiser begins anew."""
    factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The learning rate is multiplied by this after each epoch; 1: constant."""
    views: Annotated[int, Field(ge=1, le=8)] = 1
    """Clips of a loop in the same batch."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after so many epochs without a better monitored metric; 0 never stops early."""


class SplitPart(Part):
    """Who is trained on, validated on and tested on."""

    by: Literal["layout", "patient", "fold", "kfold", "slice"] = "layout"
    """layout: as the data folder says, and patients where it says nothing; patient: always drawn by patient; fold: one
    of the folds that the layout was published with (CAMUS, EchoNet-Pediatric); kfold: one of `folds` that are drawn by
    patient, each with its share of every value of `stratify`. slice: every case at random, whatever patient it is of:
    patients leak from training into test, as in paper 003, and every output says so; it needs `case` loop or frame."""
    fold: Annotated[int, Field(ge=0)] = 0
    """Which fold is tested on, from 0, where there are folds; the next one is the validation split, if nothing else is
    said in `validate_on`."""
    validate_on: Literal["fold", "part"] = "fold"
    """Of kfold. fold: the next fold. part: as near to `validation` of the patients of all other folds as whole patients
    come, with their share of every value of `stratify`; so that more are left to train on."""
    stratify: str | None = None
    """Label of which every fold of kfold gets its share, a number or a name (group); not given: the target."""
    folds: Annotated[int, Field(ge=3)] = 5
    """How many folds there are: kfold draws so many, the layout must have so many (10), a benchmark tests on each."""
    keep_test_apart: bool = False
    """Where patients are drawn, or folds: those of the layout's own test split stay out altogether, so that there is
    somebody left to judge the final weights on (ACDC's `testing`)."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.125
    """Part of the patients, where they are drawn."""
    test: Annotated[float, Field(gt=0, lt=1)] = 0.125
    """Part of the patients, where they are drawn."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the draw, that of folds too; apart from the training's, so that trainings can be compared."""
    like: str | None = None
    """Folder of a run whose splits are taken over: its patients, known by their pictures, are in the split that they
    were in there, all others as `by`, which is layout or patient, has it. For trainings that build upon each other:
    nobody may be validated or tested on whom the weights of `start` or `mask` were learned from."""


class Recipe(Part):
    """One training, completely. Each field is an option of `cinecor train`."""

    summary: str = ""
    """What this training is, in one line."""
    task: Literal["regression", "classification", "segmentation"] = "regression"
    """regression: learn the target from clips. classification: learn from clips whether the target, which is 0 or 1, is
    1; the network's output is a logit, what is predicted its probability; or, with loss.name cross_entropy, which of
    many names the target is, by a logit and a probability of each. segmentation: learn `structures` from the frames
    that were traced or have label masks; a target ef is then measured: of a short-axis stack on its labels at ED and
    ES, of another loop by the summation of discs on the ventricle's outlines, beat by beat. A target outlined says that
    nothing is measured: a network of outlines is judged by their Dice coefficients alone."""
    structures: tuple[Structure, ...] = ("lv",)
    """What a segmentation learns, in this order: rv, myocardium, lv (which is among them where ef is measured), fov and
    epicardium (where nothing is). An output each."""
    model: ModelPart = ModelPart()
    start: StartPart = StartPart()
    target: str = "ef"
    """Label to predict: ef (%), edv_ml, esv_ml (mL), infarct_a4c, lvh (0 or 1), group (names), view (names of loops);
    of a segmentation ef, or outlined: how many frames of a study are outlined, which is known and not predicted."""
    classes: tuple[str, ...] = ()
    """With loss.name cross_entropy: the names that the target has, in the order of the outputs; filled in, sorted, from
    the data when a training begins, and kept with the weights."""
    case: Literal["study", "loop", "frame", "masked"] = "study"
    """What is split, predicted and counted as one: a study, each of its loops (the slices of an MRI stack), each frame
    of each loop, or each frame that has an expert's mask; several cases of a patient then stand in the tables, and what
    is said of patients is the mean of their probabilities. Only where classes are learned."""
    view: str | None = None
    """Only loops of this view (A4C, A2C, PSAX …), of layouts that have several; not given: all. Tables count the loops
    of a study among these."""
    standardise: bool = False
    """Learn (target - mean) / SD of the training split rather than the target itself, which is faster from scratch: the
    last layer need not grow to the target's spread. The saved weights predict the target all the same."""
    clip: ClipPart = ClipPart()  # type: ignore[valid-type]
    mask: MaskPart = MaskPart()
    sampling: SamplingPart = SamplingPart()
    augmentation: AugmentationPart = AugmentationPart()
    optimiser: OptimiserPart = OptimiserPart()
    schedule: SchedulePart = SchedulePart()
    loss: LossPart = LossPart()
    second: SecondPart = SecondPart()
    split: SplitPart = SplitPart()
    semi: SemiPart = SemiPart()
    batch_size: Positive = 16
    """Clips in a training batch; with `sampling.views`, loops."""
    epochs: Positive = 50
    """Passes over the training clips, at most."""
    patience: Annotated[int, Field(ge=0)] = 20
    """Stop after so many epochs without a better monitored metric; 0 never stops early."""
    monitor: Literal["rmse", "mae", "loss", "auroc", "accuracy", "macro_f1", "dice"] = "rmse"
    """Metric of the validation split that decides on the best epoch; loss or dice where structures are; loss or auroc
    where yes or no is; loss, accuracy or macro_f1 where one of many classes is."""
    gradient_clip: Annotated[float, Field(ge=0)] = 0.0
    """Gradients are cut to this; 0 does not."""
    gradient_clip_by: Literal["norm", "value"] = "norm"
    """Cut the norm of all gradients, or each value."""
    precision: Literal["fp32", "bf16-mixed", "auto"] = "fp32"
    """bf16-mixed computes the trunk in bfloat16, the head in float32; auto does so where the device has instructions
    for it (AVX512-BF16, AMX, ARM's, GPUs since Ampere) and is fp32 elsewhere."""
    channels_last: bool = True
    """Lay tensors out by position, which is faster on most machines."""
    compile: bool = False
    """Compile the network before training (torch.compile): up to minutes at the start, then faster steps on a GPU; on a
    CPU it gained nothing."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to compute."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of weights, order, clips, augmentation and dropout."""
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that make batches; the result does not depend on it."""
    data_path: Literal["auto", "loader", "resident"] = "auto"
    """Who makes the batches of training and validation. loader: the `workers`, from the cache on disk; resident: the
    device itself, which then keeps all frames in its memory; auto: resident on a GPU where half of the free memory
    holds them and the augmentation only shifts (none, coreecho, echonet), else loader. The clips are the same to
    float rounding; standard error says which way was taken."""
    reference_clips: Annotated[int, Field(ge=0)] = 256
    """Embeddings of so many training clips are kept with the weights, to tell what is unlike the training data."""
    weights: Literal["float32", "float16", "bfloat16"] = "float32"
    """How the weights are stored."""
    licence: str = "Apache-2.0"
    """Of the weights."""
    published: PublishedPart | None = None

    @property
    def clip_spec(self) -> ClipSpec:
        """How frames become the network's input."""
        part = self.mask
        mask = "" if part.weights is None else identify(part.structure, part.sha256)
        return ClipSpec(**self.clip.model_dump(), mask=mask)  # type: ignore[attr-defined]

    @property
    def augmentation_ranges(self) -> Augmentation:
        """The preset with what replaces parts of it."""
        chosen = self.augmentation.model_dump(exclude={"preset"}, exclude_none=True)
        return Augmentation(**{**_plain(AUGMENTATIONS[self.augmentation.preset]), **chosen})

    @property
    def metric(self) -> str:
        """Name of the monitored metric in the logs."""
        return f"validation_{self.monitor}"

    @property
    def kind(self) -> Literal["regression", "classification", "segmentation", "classes", "outlines"]:
        """The task, where ``classes`` is that of many classes and ``classification`` that of yes or no; ``outlines`` a
        segmentation on which nothing is measured."""
        many = self.task == "classification" and self.loss.name == "cross_entropy"
        if self.task == "segmentation" and self.target == OUTLINED_FRAMES:
            return "outlines"
        return "classes" if many else self.task

    @property
    def outputs(self) -> int:
        """How many values the network gives, or maps."""
        return len(self.structures) if self.task == "segmentation" else max(1, len(self.classes))

    def watch(self, row: Mapping[str, float | int]) -> float:
        """The monitored metric of a row of the logs so that the lower is the better."""
        return row[self.metric] if self.monitor in ("rmse", "mae", "loss") else -row[self.metric]


def _plain(augmentation: Augmentation) -> dict[str, Any]:
    return {name: getattr(augmentation, name) for name in augmentation.__dataclass_fields__}
