/// The schema's core: scalars, accounts, projects, runs, files, alerts.
///
/// Source: protocol reference, sections 6 to 11, 15 and appendix A. Fields that this server has no value for are
/// nullable and answered null; a field that is not here is an error that names it.
let coreSchema = """
  "A text that holds JSON."
  scalar JSONString
  "Any JSON value."
  scalar JSON
  scalar Int64
  "UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`."
  scalar DateTime
  "Milliseconds."
  scalar Duration

  enum AlertSeverity { INFO WARN ERROR }
  enum RampIDType { OrgName }

  type Query {
    viewer: User
    serverInfo: ServerInfo!
    entity(name: String): Entity
    organization(name: String): Organization
    users(query: String): UserConnection
    models(entityName: String, after: String, first: Int): ProjectConnection
    model(name: String, entityName: String): Project
    project(name: String, entityName: String): Project
    artifact(id: ID!): Artifact
    artifactCollection(id: ID!): ArtifactCollection
    clientIDMapping(clientID: ID!): ClientIDMapping
  }

  type PageInfo { endCursor: String hasNextPage: Boolean! }

  type ServerInfo {
    features: [ServerFeature!]!
    cliVersionInfo: JSON
    latestLocalVersionInfo: LocalVersionInfo
  }
  type ServerFeature { name: String! isEnabled: Boolean! }
  type LocalVersionInfo { outOfDate: Boolean! latestVersionString: String! versionOnThisInstanceString: String! }

  type User {
    id: ID!
    name: String!
    username: String
    email: String
    admin: Boolean
    flags: JSONString
    entity: String
    deletedAt: DateTime
    apiKeys: ApiKeyConnection
    teams: EntityConnection
    organizations: [Organization!]
  }
  type UserConnection { edges: [UserEdge!]! }
  type UserEdge { node: User! }
  type ApiKey { id: ID! name: String! description: String }
  type ApiKeyConnection { edges: [ApiKeyEdge!]! }
  type ApiKeyEdge { node: ApiKey! }

  type Entity {
    id: ID!
    name: String!
    available: Boolean
    photoUrl: String
    readOnly: Boolean
    readOnlyAdmin: Boolean!
    isTeam: Boolean!
    entityType: String
    privateOnly: Boolean!
    storageBytes: Int64!
    codeSavingEnabled: Boolean!
    defaultAccess: String!
    isPaid: Boolean
    limits: JSON
    members: [Member!]!
    organization: Organization
    user: User
    xxhashDigestsEnabled: Boolean
    projects(after: String, first: Int): ProjectConnection
    project(name: String): Project
  }
  type EntityConnection { edges: [EntityEdge!]! }
  type EntityEdge { node: Entity! }
  type Member {
    id: ID
    admin: Boolean
    role: String
    pending: Boolean
    email: String
    username: String
    name: String!
    photoUrl: String
    accountType: String
    apiKey: String
  }
  "Organizations are not part of this server: every field that leads here is null."
  type Organization {
    id: ID
    name: String!
    orgEntity: Entity
    coreWeaveOrganizationId: String
    featureFlags(rampIDType: RampIDType): [FeatureFlag!]
  }
  type FeatureFlag { rampKey: String! isEnabled: Boolean! }

  type Project {
    id: ID!
    "Decimal digits."
    internalId: String!
    name: String!
    entityName: String!
    entity: Entity!
    description: String
    access: String
    views: JSON
    createdAt: DateTime!
    updatedAt: DateTime
    isBenchmark: Boolean!
    readOnly: Boolean
    user: User!
    runCount(filters: JSONString): Int!
    runs(filters: JSONString, after: String, first: Int, order: String): RunConnection
    run(name: String!): Run
    "The older name of `run`; without `missingOk` an unknown run is an error."
    bucket(name: String!, missingOk: Boolean): Run
    artifact(name: String!): Artifact
    artifactType(name: String!): ArtifactType
    artifactTypes(after: String, first: Int, includeAll: Boolean): ArtifactTypeConnection
    artifactCollection(name: String!): ArtifactCollection
    artifactCollections(after: String, first: Int, filters: JSONString, order: String): ArtifactCollectionConnection
    artifactCollectionMembership(name: String!): ArtifactCollectionMembership
    sweep(sweepName: String!): Sweep
    sweeps(after: String, first: Int, filters: JSONString): SweepConnection
    totalSweeps: Int!
  }
  type ProjectConnection { edges: [ProjectEdge!]! pageInfo: PageInfo! }
  type ProjectEdge { node: Project! cursor: String! }

  type Run {
    "Storage id."
    id: ID!
    "The run id of its URL."
    name: String!
    displayName: String
    description: String
    notes: String
    tags: [String!]
    group: String
    jobType: String
    commit: String
    repo: String
    program: String
    host: String
    sweepName: String
    "pending, running, preempting, finished, failed, killed, crashed or preempted."
    state: String
    exitcode: Int
    readOnly: Boolean
    createdAt: DateTime!
    updatedAt: DateTime
    heartbeatAt: DateTime
    projectId: String!
    project: Project!
    user: User
    config: JSONString
    summaryMetrics: JSONString
    "The newest line of system metrics."
    systemMetrics: JSONString
    wandbConfig(keys: [String!]): JSONString
    historyLineCount: Int!
    eventsLineCount: Int!
    logLineCount: Int!
    "A JSON list of lines, each a text; the newest only."
    historyTail: JSONString
    eventsTail: JSONString
    stopped: Boolean!
    running: Boolean!
    failed: Boolean!
    shouldStop: Boolean!
    historyKeys: JSON
    "Rows as JSON texts: `samples` of them spread evenly, or with steps all rows of `minStep ..< maxStep`."
    history(minStep: Int64, maxStep: Int64, samples: Int): [JSONString!]!
    events(samples: Int): [JSONString!]!
    "For each spec (`keys`, `samples`, `minStep`, `maxStep` inclusive) a list of rows that have all keys."
    sampledHistory(specs: [JSONString!]!): [JSON!]!
    "For each spec (`key`, `buckets`, `minStep`, `maxStep` inclusive) statistics in equal buckets of steps. Our own."
    bucketedHistory(specs: [JSONString!]!): [JSON!]!
    parquetHistory(liveKeys: [String!]!): ParquetHistory!
    fileCount: Int!
    files(names: [String], after: String, first: Int, pattern: String): FileConnection
    logLines(first: Int, after: String, last: Int, useImprovedPagination: Boolean): LogLineConnection
    "Newest first. Our own addition."
    alerts(first: Int): [Alert!]!
    outputArtifacts(after: String, first: Int): ArtifactConnection
    inputArtifacts(after: String, first: Int): ArtifactConnection
  }
  type RunConnection { totalCount: Int! edges: [RunEdge!]! pageInfo: PageInfo! }
  type RunEdge { node: Run! cursor: String! }
  "This server exports no parquet files: the live part is everything."
  type ParquetHistory { parquetUrls: [String!]! liveData: [JSON!]! }

  type File {
    id: ID!
    name: String!
    displayName: String!
    url(upload: Boolean): String
    directUrl: String!
    sizeBytes: Int64!
    storagePath: String
    mimetype: String
    updatedAt: DateTime
    digest: String
    md5: String
    uploadUrl: String
    uploadHeaders: [String!]
  }
  type FileConnection { totalCount: Int! edges: [FileEdge!]! pageInfo: PageInfo! }
  type FileEdge { node: File! cursor: String! }

  type LogLine { number: Int! timestamp: DateTime level: String label: String line: String! }
  type LogLineConnection { edges: [LogLineEdge!]! pageInfo: PageInfo! }
  type LogLineEdge { node: LogLine! cursor: String! }

  type Alert { id: ID! title: String! text: String! severity: AlertSeverity! createdAt: DateTime! }

  type Mutation {
    upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
    rewindRun(input: RewindRunInput!): RewindRunPayload
    deleteRun(input: DeleteRunInput!): DeleteRunPayload
    updateRunState(input: UpdateRunStateInput!): SuccessPayload
    stopRun(input: StopRunInput!): SuccessPayload
    upsertModel(input: UpsertModelInput!): UpsertModelPayload
    createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
    markRunFilesUploaded(input: MarkRunFilesUploadedInput!): SuccessPayload
    deleteFiles(input: DeleteFilesInput!): SuccessPayload
    notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
    generateApiKey(input: GenerateApiKeyInput!): GenerateApiKeyPayload
    deleteApiKey(input: DeleteApiKeyInput!): SuccessPayload
    createTeam(input: CreateTeamInput!): CreateTeamPayload
    createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
    createArtifactManifest(input: CreateArtifactManifestInput!): ArtifactManifestPayload
    updateArtifactManifest(input: UpdateArtifactManifestInput!): ArtifactManifestPayload
    createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
    completeMultipartUploadArtifact(
      input: CompleteMultipartUploadArtifactInput!
    ): CompleteMultipartUploadArtifactPayload
    commitArtifact(input: CommitArtifactInput!): ArtifactPayload
    useArtifact(input: UseArtifactInput!): ArtifactPayload
    updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
    deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
    addAliases(input: AddAliasesInput!): SuccessPayload
    deleteAliases(input: DeleteAliasesInput!): SuccessPayload
    linkArtifact(input: LinkArtifactInput!): LinkArtifactPayload
    unlinkArtifact(input: UnlinkArtifactInput!): SuccessPayload
    upsertSweep(input: UpsertSweepInput!): UpsertSweepPayload
    createAgent(input: CreateAgentInput!): CreateAgentPayload
    agentHeartbeat(input: AgentHeartbeatInput!): AgentHeartbeatPayload
  }

  type SuccessPayload { success: Boolean! clientMutationId: String }

  input UpsertBucketInput {
    id: String
    name: String
    modelName: String
    entityName: String
    groupName: String
    description: String
    displayName: String
    notes: String
    commit: String
    config: JSONString
    host: String
    debug: Boolean
    jobProgram: String
    jobRepo: String
    jobType: String
    state: String
    sweep: String
    tags: [String!]
    summaryMetrics: JSONString
    clientMutationId: String
  }
  type UpsertBucketPayload { bucket: Run! inserted: Boolean! }

  input RewindRunInput {
    runName: String!
    entityName: String
    projectName: String
    metricName: String!
    metricValue: Float!
  }
  type RewindRunPayload { rewoundRun: Run! }

  input DeleteRunInput { id: ID! deleteArtifacts: Boolean }
  type DeleteRunPayload { clientMutationId: String }
  input UpdateRunStateInput { id: ID! state: String! clientMutationId: String }
  input StopRunInput { id: ID! clientMutationId: String }

  input ArtifactTypeInput { name: String! }
  input UpsertModelInput {
    id: String
    name: String!
    entityName: String
    description: String
    access: String
    views: JSON
    allowAllArtifactTypesInRegistry: Boolean
    artifactTypes: [ArtifactTypeInput!]
    clientMutationId: String
  }
  type UpsertModelPayload { project: Project model: Project inserted: Boolean! }

  input CreateRunFilesInput { entityName: String projectName: String runName: String! files: [String!]! }
  type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }
  input MarkRunFilesUploadedInput { entityName: String projectName: String runName: String! files: [String!]! }
  input DeleteFilesInput { files: [ID!]! projectId: Int }

  input NotifyScriptableRunAlertInput {
    entityName: String
    projectName: String
    runName: String!
    title: String!
    text: String!
    severity: AlertSeverity
    waitDuration: Duration
  }

  input GenerateApiKeyInput { description: String clientMutationId: String }
  type GenerateApiKeyPayload { apiKey: ApiKey! }
  input DeleteApiKeyInput { id: ID! }
  input CreateTeamInput { teamName: String! teamAdminUserName: String }
  type CreateTeamPayload { entity: Entity! }
  """
