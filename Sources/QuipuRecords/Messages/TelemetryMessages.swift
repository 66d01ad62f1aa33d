// Messages of telemetry.
// Each lists its fields once, in `visitFields`; coding and JSON follow from that list.

/// Usage facts about client and program.
public struct TelemetryRecord: RecordMessage {
  public var importsInit: Flags<TelemetryImports>?
  public var importsFinish: Flags<TelemetryImports>?
  public var feature: Flags<TelemetryFeature>?
  public var pythonVersion = ""
  public var cliVersion = ""
  public var huggingfaceVersion = ""
  public var env: Flags<TelemetryEnvironment>?
  public var label: TelemetryLabels?
  public var deprecated: Flags<TelemetryDeprecated>?
  /// Filled in by the core at upload.
  public var coreVersion = ""
  /// `linux-x86_64`.
  public var platform = ""
  public var info: RecordInfo?

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.message(1, "imports_init", &importsInit)
    visitor.message(2, "imports_finish", &importsFinish)
    visitor.message(3, "feature", &feature)
    visitor.scalar(4, "python_version", &pythonVersion)
    visitor.scalar(5, "cli_version", &cliVersion)
    visitor.scalar(6, "huggingface_version", &huggingfaceVersion)
    visitor.message(8, "env", &env)
    visitor.message(9, "label", &label)
    visitor.message(10, "deprecated", &deprecated)
    visitor.scalar(12, "core_version", &coreVersion)
    visitor.scalar(13, "platform", &platform)
    visitor.message(200, "_info", &info)
  }
}

/// Features of the client that the run used.
public enum TelemetryFeature: FlagKind {
  public static let finish: UInt8 = 2
  public static let finishTimeout: UInt8 = 74
  public static let save: UInt8 = 3
  public static let offline: UInt8 = 4
  public static let resumed: UInt8 = 5
  public static let metric: UInt8 = 7
  public static let setInitName: UInt8 = 13
  public static let setInitID: UInt8 = 14
  public static let setInitTags: UInt8 = 15
  public static let setInitConfig: UInt8 = 16
  public static let setRunName: UInt8 = 17
  public static let setRunTags: UInt8 = 18
  public static let setConfigItem: UInt8 = 19
  public static let initReturnRun: UInt8 = 24
  public static let attach: UInt8 = 33
  public static let tensorboardSync: UInt8 = 35
  public static let maybeRunOverwrite: UInt8 = 37
  public static let flowControlOverflow: UInt8 = 41
  public static let sync: UInt8 = 42
  public static let libC: UInt8 = 56
  public static let libCpp: UInt8 = 57
  public static let setStepLog: UInt8 = 61
  public static let setSummary: UInt8 = 62
  public static let metricSummary: UInt8 = 63
  public static let metricGoal: UInt8 = 64
  public static let metricHidden: UInt8 = 65
  public static let metricStepSync: UInt8 = 66
  public static let sharedMode: UInt8 = 67
  public static let userProvidedLabel: UInt8 = 69
  public static let forkMode: UInt8 = 71
  public static let rewindMode: UInt8 = 72
  public static let table: UInt8 = 78
  public static let incrementalTable: UInt8 = 79

  public static let fields: [(number: UInt8, name: StaticString)] = [
    (1, "watch"), (2, "finish"), (74, "finish_timeout"), (75, "finish_timeout_raises"), (3, "save"), (4, "offline"),
    (5, "resumed"), (6, "grpc"), (7, "metric"), (8, "keras"), (9, "sagemaker"), (10, "artifact_incremental"),
    (11, "metaflow"), (12, "prodigy"), (13, "set_init_name"), (14, "set_init_id"), (15, "set_init_tags"),
    (16, "set_init_config"), (17, "set_run_name"), (18, "set_run_tags"), (19, "set_config_item"), (20, "launch"),
    (21, "torch_profiler_trace"), (22, "sb3"), (24, "init_return_run"), (25, "lightgbm_wandb_callback"),
    (26, "lightgbm_log_summary"), (27, "catboost_wandb_callback"), (28, "catboost_log_summary"),
    (29, "tensorboard_log"), (30, "estimator_hook"), (31, "xgboost_wandb_callback"),
    (32, "xgboost_old_wandb_callback"), (33, "attach"), (34, "tensorboard_patch"), (35, "tensorboard_sync"),
    (36, "kfp_wandb_log"), (37, "maybe_run_overwrite"), (38, "keras_metrics_logger"), (39, "keras_model_checkpoint"),
    (40, "keras_wandb_eval_callback"), (41, "flow_control_overflow"), (42, "sync"), (76, "sync2"),
    (43, "flow_control_disabled"), (44, "flow_control_custom"), (46, "open_metrics"), (47, "ultralytics_yolov8"),
    (49, "sync_tfevents"), (50, "async_uploads"), (51, "openai_autolog"), (52, "langchain_tracer"),
    (53, "cohere_autolog"), (54, "hf_pipeline_autolog"), (56, "lib_c"), (57, "lib_cpp"), (58, "openai_finetuning"),
    (59, "diffusers_autolog"), (60, "lightning_fabric_logger"), (61, "set_step_log"), (62, "set_summary"),
    (63, "metric_summary"), (64, "metric_goal"), (65, "metric_hidden"), (66, "metric_step_sync"), (67, "shared_mode"),
    (68, "server_side_derived_summary"), (69, "user_provided_label"), (70, "dcgm_profiling_enabled"),
    (71, "fork_mode"), (72, "rewind_mode"), (73, "dspy_callback"), (77, "eval_table"), (78, "table"),
    (79, "incremental_table"),
  ]
}

/// Facts about the surroundings of the program.
public enum TelemetryEnvironment: FlagKind {
  public static let jupyter: UInt8 = 1
  public static let kaggle: UInt8 = 2
  public static let windows: UInt8 = 3
  public static let m1Gpu: UInt8 = 4
  public static let trainium: UInt8 = 10
  public static let pex: UInt8 = 11
  public static let colab: UInt8 = 12
  public static let ipython: UInt8 = 13
  public static let awsLambda: UInt8 = 14
  public static let amdGpu: UInt8 = 15

  public static let fields: [(number: UInt8, name: StaticString)] = [
    (1, "jupyter"), (2, "kaggle"), (3, "windows"), (4, "m1_gpu"), (10, "trainium"), (11, "pex"), (12, "colab"),
    (13, "ipython"), (14, "aws_lambda"), (15, "amd_gpu"),
  ]
}

/// Labels that a program gave itself.
public struct TelemetryLabels: RecordMessage {
  public var codeString = ""
  public var repoString = ""
  public var codeVersion = ""

  public init() {}

  mutating func visitFields(_ visitor: inout some FieldVisitor) {
    visitor.scalar(1, "code_string", &codeString)
    visitor.scalar(2, "repo_string", &repoString)
    visitor.scalar(3, "code_version", &codeVersion)
  }
}

/// Deprecated features that the run used.
public enum TelemetryDeprecated: FlagKind {
  public static let fields: [(number: UInt8, name: StaticString)] = [
    (5, "plots"), (7, "init__config_include_keys"), (8, "init__config_exclude_keys"), (11, "artifact__get_path"),
    (12, "artifactmanifestentry__name"), (13, "api__artifact_versions"), (14, "artifact_collection__change_type"),
    (15, "run__define_metric_copy"), (16, "run_disabled"), (20, "run__reinit_bool"), (25, "run__use_artifact_use_as"),
    (26, "artifact__use_as"), (27, "artifact__init_use_as"), (31, "kfp_v1_wandb_log"), (32, "wandb_api"),
  ]
}

/// Packages that the program imported.
public enum TelemetryImports: FlagKind {
  public static let fields: [(number: UInt8, name: StaticString)] = [
    (1, "torch"), (2, "keras"), (3, "tensorflow"), (4, "fastai"), (5, "sklearn"), (6, "xgboost"), (7, "catboost"),
    (8, "lightgbm"), (9, "pytorch_lightning"), (10, "ignite"), (11, "transformers"), (12, "jax"), (13, "metaflow"),
    (14, "allennlp"), (15, "autogluon"), (16, "autokeras"), (18, "catalyst"), (21, "deepchem"), (22, "deepctr"),
    (28, "pycaret"), (29, "pytorchvideo"), (30, "ray"), (31, "simpletransformers"), (32, "skorch"), (33, "spacy"),
    (34, "flash"), (35, "optuna"), (36, "recbole"), (37, "mmcv"), (38, "mmdet"), (39, "torchdrug"), (40, "torchtext"),
    (41, "torchvision"), (42, "elegy"), (43, "detectron2"), (44, "flair"), (45, "flax"), (46, "syft"), (47, "TTS"),
    (48, "monai"), (49, "huggingface_hub"), (50, "hydra"), (51, "datasets"), (52, "sacred"), (53, "joblib"),
    (54, "dask"), (56, "paddleocr"), (57, "ppdet"), (58, "paddleseg"), (59, "paddlenlp"), (60, "mmseg"),
    (61, "mmocr"), (62, "mmcls"), (63, "timm"), (64, "fairseq"), (65, "deepchecks"), (66, "composer"),
    (67, "sparseml"), (68, "anomalib"), (69, "zenml"), (70, "colossalai"), (71, "accelerate"), (72, "merlin"),
    (73, "nanodet"), (74, "segmentation_models_pytorch"), (75, "sentence_transformers"), (76, "dgl"),
    (77, "torch_geometric"), (78, "jina"), (79, "kornia"), (80, "albumentations"), (81, "keras_cv"), (82, "mmengine"),
    (83, "diffusers"), (84, "trl"), (85, "trlx"), (86, "langchain"), (87, "llama_index"), (88, "stability_sdk"),
    (89, "prefect"), (90, "prefect_ray"), (91, "pinecone"), (92, "chromadb"), (93, "weaviate"), (94, "promptlayer"),
    (95, "openai"), (96, "cohere"), (97, "anthropic"), (98, "peft"), (99, "optimum"), (100, "evaluate"),
    (101, "langflow"), (102, "keras_core"), (103, "lightning_fabric"), (104, "curated_transformers"), (105, "orjson"),
    (106, "lightning"), (107, "dspy"),
  ]
}
