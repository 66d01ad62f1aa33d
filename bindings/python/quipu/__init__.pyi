import contextlib
import enum
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace, TracebackType
from typing import IO, Any, Literal, TextIO

from . import errors as errors
from . import plot as plot
from . import util as util
from .errors import CommError as CommError
from .errors import ConfigError as ConfigError
from .errors import Error as Error
from .errors import QuipuError as QuipuError
from .errors import UsageError as UsageError

__version__: str

_Path = str | os.PathLike[str]
_Policy = Literal["live", "now", "end"]

class AlertLevel(enum.Enum):
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"

class Settings:
    def __init__(self, **settings: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...
    def __contains__(self, name: str) -> bool: ...
    def __iter__(self) -> Iterator[tuple[str, Any]]: ...
    def __getitem__(self, name: str) -> Any: ...
    def get(self, name: str, default: Any = None) -> Any: ...
    def keys(self) -> Any: ...

class Metric:
    @property
    def name(self) -> str: ...
    @property
    def step_metric(self) -> str | None: ...
    @property
    def step_sync(self) -> bool | None: ...
    @property
    def hidden(self) -> bool | None: ...
    @property
    def summary(self) -> tuple[str, ...] | None: ...
    @property
    def goal(self) -> str | None: ...

class Config:
    def update(self, d: Any, allow_val_change: bool | None = None) -> None: ...
    def setdefaults(self, d: Any) -> None: ...
    def update_locked(self, d: Any, user: str | None = None) -> None: ...
    def __getitem__(self, key: str) -> Any: ...
    def __setitem__(self, key: str, value: Any) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def get(self, key: str, default: Any = None) -> Any: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[Any]: ...
    def items(self) -> list[tuple[str, Any]]: ...
    def as_dict(self) -> dict[str, Any]: ...

class Summary:
    def update(self, d: Any) -> None: ...
    def __getitem__(self, key: str) -> Any: ...
    def __setitem__(self, key: str, value: Any) -> None: ...
    def __delitem__(self, key: str) -> None: ...
    def __getattr__(self, name: str) -> Any: ...
    def __setattr__(self, name: str, value: Any) -> None: ...
    def __delattr__(self, name: str) -> None: ...
    def __contains__(self, key: object) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def get(self, key: str, default: Any = None) -> Any: ...
    def keys(self) -> list[str]: ...
    def values(self) -> list[Any]: ...
    def items(self) -> list[tuple[str, Any]]: ...

class Image:
    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: Literal["png", "jpg", "jpeg", "bmp"] | None = None,
        normalize: bool = True,
        *,
        bit_depth: Literal[8, 16] | None = None,
        quality: int | None = None,
        channels_first: bool | None = None,
        strict: bool = True,
    ) -> None: ...
    @staticmethod
    def from_batch(
        batch: Any,
        captions: Sequence[str] | None = None,
        mode: str | None = None,
        file_type: Literal["png", "jpg", "jpeg", "bmp"] | None = None,
        normalize: bool = True,
        *,
        bit_depth: Literal[8, 16] | None = None,
        quality: int | None = None,
        channels_first: bool | None = None,
    ) -> ImageBatch: ...
    @property
    def caption(self) -> str | None: ...

class ImageBatch:
    def __len__(self) -> int: ...

class ImageMask:
    def __init__(self, val: Mapping[str, Any], key: str) -> None: ...

class BoundingBoxes2D:
    def __init__(self, val: Mapping[str, Any], key: str) -> None: ...
    @classmethod
    def from_arrays(
        cls,
        boxes: Any,
        layout: Literal["xyxy", "xywh", "cxcywh"] = "xyxy",
        domain: Literal["pixel"] | None = None,
        class_ids: Any = None,
        scores: Any = None,
        captions: Sequence[str] | None = None,
        class_labels: Mapping[float, str] | Classes | None = None,
        key: str = "boxes",
    ) -> BoundingBoxes2D: ...

class Classes:
    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None: ...

class Histogram:
    MAX_LENGTH: int
    def __init__(
        self,
        sequence: Any = None,
        np_histogram: Any = None,
        num_bins: int = 64,
        *,
        bins: int | str | Sequence[float] | Any | None = None,
        range: tuple[float, float] | None = None,
        density: bool | None = None,
        weights: Any = None,
        skip_nonfinite: bool = False,
    ) -> None: ...
    @property
    def histogram(self) -> list[float]: ...
    @property
    def bins(self) -> list[float]: ...
    @property
    def skipped(self) -> int: ...

def histogram(
    a: Any,
    bins: int | str | Sequence[float] | Any = 10,
    range: tuple[float, float] | None = None,
    density: bool | None = None,
    weights: Any = None,
    *,
    skip_nonfinite: bool = False,
) -> tuple[Any, Any]: ...

class Object3D:
    SUPPORTED_TYPES: frozenset[str]
    SUPPORTED_POINT_CLOUD_TYPES: frozenset[str]
    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None: ...
    @classmethod
    def from_file(
        cls, data_or_path: _Path | TextIO, file_type: str | None = None, caption: str | None = None
    ) -> Object3D: ...
    @classmethod
    def from_numpy(cls, data: Any, caption: str | None = None) -> Object3D: ...
    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Sequence[Mapping[str, Any]],
        vectors: Sequence[Mapping[str, Any]] | None = None,
        point_cloud_type: Literal["lidar/beta"] = "lidar/beta",
        caption: str | None = None,
    ) -> Object3D: ...

class Audio:
    def __init__(
        self,
        data_or_path: Any,
        sample_rate: int | None = None,
        caption: str | None = None,
        *,
        format: str | None = None,
    ) -> None: ...
    @property
    def caption(self) -> str | None: ...

class Video:
    EXTS: tuple[str, ...]
    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: Literal["gif", "mp4", "webm", "ogg"] | None = None,
        *,
        channels_last: bool = False,
    ) -> None: ...
    @property
    def caption(self) -> str | None: ...

def box3d(
    center: Sequence[float],
    size: Sequence[float],
    orientation: Sequence[float],
    color: Sequence[int],
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]: ...

class Html:
    def __init__(self, data: _Path | TextIO, inject: bool = True, data_is_not_path: bool = False) -> None: ...

class Molecule:
    SUPPORTED_TYPES: frozenset[str]
    SUPPORTED_RDKIT_TYPES: frozenset[str]
    def __init__(
        self, data_or_path: _Path | TextIO, caption: str | None = None, file_type: str | None = None
    ) -> None: ...
    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule: ...
    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule: ...

class Table:
    MAX_ROWS: int
    MAX_ARTIFACT_ROWS: int
    columns: list[str | int]
    data: list[list[Any]]
    log_mode: Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"]
    def __init__(
        self,
        columns: list[str] | list[int] | list[str | int] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"] = "IMMUTABLE",
    ) -> None: ...
    def add_data(self, *data: Any) -> None: ...
    def add_row(self, *row: Any) -> None: ...
    def add_column(self, name: str, data: Any, optional: bool = False) -> None: ...
    def add_computed_columns(self, fn: Callable[[int, dict[str | int, Any]], Mapping[str, Any]]) -> None: ...
    def get_column(self, name: str, convert_to: Literal["numpy"] | None = None) -> Any: ...
    def get_index(self) -> list[int]: ...
    def index_ref(self, index: int) -> int: ...
    def iterrows(self) -> Iterator[tuple[int, list[Any]]]: ...
    def get_dataframe(self) -> Any: ...
    def cast(self, col_name: str, dtype: Any, optional: bool = False) -> None: ...
    def set_pk(self, key: str) -> None: ...
    def set_fk(self, key: str, table: Table, table_col: str) -> None: ...
    def __len__(self) -> int: ...

class JoinedTable:
    def __init__(self, table1: Table | str, table2: Table | str, join_key: str | Sequence[str]) -> None: ...

class ArtifactEntry:
    path: str
    digest: str | None
    size: int | None
    ref: str | None

class Artifact:
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def description(self) -> str | None: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def entries(self) -> dict[str, ArtifactEntry]: ...
    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None: ...
    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactEntry: ...
    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool = False,
        policy: Literal["mutable", "immutable"] = "mutable",
        overwrite: bool = False,
    ) -> ArtifactEntry: ...
    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool = False,
        policy: Literal["mutable", "immutable"] = "mutable",
        merge: bool = False,
    ) -> None: ...
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> contextlib.AbstractContextManager[IO[Any]]: ...
    def add_reference(
        self, uri: str, name: str | None = None, checksum: bool = True, max_objects: int | None = None
    ) -> None: ...

def log_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: str | Sequence[str] | None = None,
    tags: str | Sequence[str] | None = None,
) -> Artifact: ...

class Plotly:
    def __init__(self, val: Any) -> None: ...
    @classmethod
    def make_plot_media(cls, val: Any) -> Plotly | Image: ...

class Graph:
    format: str
    nodes: list[Any]
    nodes_by_id: dict[Any, Any]
    edges: list[Any]
    def __init__(self, format: str = "keras") -> None: ...
    def __getitem__(self, id: Any) -> Any: ...
    def add_node(
        self,
        node: Any = None,
        *,
        id: Any = None,
        name: str | None = None,
        class_name: str | None = None,
        size: Any = None,
        parameters: Any = None,
        output_shape: Any = None,
        is_output: bool | None = None,
        num_parameters: int | None = None,
    ) -> Any: ...
    def add_edge(self, from_node: Any, to_node: Any) -> Any: ...
    @classmethod
    def from_keras(cls, model: Any) -> Graph: ...

def plot_table(
    vega_spec_name: str,
    data_table: Table,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> plot.CustomChart: ...
def visualize(id: str, value: Table) -> plot.Visualize: ...

class Run:
    id: str
    name: str | None
    notes: str | None
    tags: tuple[str, ...]
    def log(
        self,
        data: Mapping[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None: ...
    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Artifact: ...
    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric: ...
    @property
    def config(self) -> Config: ...
    @property
    def config_static(self) -> Any: ...
    @property
    def summary(self) -> Summary: ...
    @property
    def project(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def job_type(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def dir(self) -> str: ...
    @property
    def sync_dir(self) -> str: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def start_time(self) -> float: ...
    @property
    def sweep_id(self) -> str | None: ...
    @property
    def offline(self) -> bool: ...
    @property
    def disabled(self) -> bool: ...
    @property
    def resumed(self) -> bool: ...
    @property
    def starting_step(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def url(self) -> str | None: ...
    @property
    def project_url(self) -> str | None: ...
    @property
    def sweep_url(self) -> str | None: ...
    @property
    def stop_requested(self) -> bool: ...
    def project_name(self) -> str: ...
    def get_url(self) -> str | None: ...
    def get_project_url(self) -> str | None: ...
    def get_sweep_url(self) -> str | None: ...
    def stats(self) -> dict[str, int]: ...
    def status(self) -> SimpleNamespace: ...
    def flush(self, timeout: float = 60.0) -> None: ...
    def alert(
        self, title: str, text: str, level: str | AlertLevel | None = None, wait_duration: Any = None
    ) -> None: ...
    def mark_preempting(self) -> None: ...
    def save(
        self,
        glob_str: _Path | None = None,
        base_path: _Path | None = None,
        policy: _Policy = "live",
        glob: bool = True,
    ) -> list[str] | bool: ...
    def restore(
        self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
    ) -> TextIO | None: ...
    def write_logs(self, text: str) -> None: ...
    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None: ...
    def join(self, exit_code: int | None = None) -> None: ...
    def display(self, height: int = 420, hidden: bool = False) -> bool: ...
    def to_html(self, height: int = 420, hidden: bool = False) -> str: ...
    def __enter__(self) -> Run: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool: ...

run: Run | None
config: Config
summary: Summary

def init(
    entity: str | None = None,
    project: str | None = None,
    dir: _Path | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Mapping[str, Any] | str | Any | None = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: Literal["online", "offline", "disabled", "shared"] | None = None,
    force: bool | None = None,
    reinit: bool | Literal["default", "return_previous", "finish_previous", "create_new"] | None = None,
    resume: bool | Literal["allow", "never", "must", "auto"] | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: str | None = None,
) -> Run: ...
def setup(settings: Settings | Mapping[str, Any] | None = None) -> Settings: ...
def login(
    key: str | None = None,
    *,
    anonymous: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
) -> bool: ...
def logout(host: str | None = None) -> bool: ...
def finish(exit_code: int | None = None, quiet: bool | None = None) -> None: ...
def log(
    data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
) -> None: ...
def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> Metric: ...
def save(
    glob_str: _Path | None = None, base_path: _Path | None = None, policy: _Policy = "live", glob: bool = True
) -> list[str] | bool: ...
def restore(
    name: str, run_path: str | None = None, replace: bool = False, root: str | None = None
) -> TextIO | None: ...
def alert(
    title: str, text: str, level: str | AlertLevel | None = None, wait_duration: Any = None
) -> None: ...
def mark_preempting() -> None: ...
def write_logs(text: str) -> None: ...
def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None: ...
def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None: ...
def termerror(string: str, newline: bool = True, repeat: bool = True) -> None: ...
