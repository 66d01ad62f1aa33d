/// Artifacts. Source: protocol reference, section 12 and appendix A.
let artifactSchema = """
  enum ArtifactState { PENDING COMMITTED DELETED }
  enum ArtifactManifestType { FULL PATCH INCREMENTAL }
  enum ArtifactStorageLayout { V1 V2 }
  enum ArtifactDigestAlgorithm { MANIFEST_MD5 MANIFEST_XXH128 }
  enum CompleteMultipartAction { Complete }
  enum ArtifactCollectionType { PORTFOLIO SEQUENCE }

  type ClientIDMapping { serverID: ID! }

  type Tag { id: ID! name: String! }
  type TagConnection { edges: [TagEdge!]! }
  type TagEdge { node: Tag! }

  type ArtifactType {
    id: ID!
    name: String!
    description: String
    createdAt: DateTime!
    artifactCollection(name: String!): ArtifactCollection
    artifactCollections(after: String, first: Int, filters: JSONString, order: String): ArtifactCollectionConnection
  }
  type ArtifactTypeConnection { totalCount: Int! edges: [ArtifactTypeEdge!]! pageInfo: PageInfo! }
  type ArtifactTypeEdge { node: ArtifactType! cursor: String! }

  interface ArtifactCollection {
    id: ID!
    name: String!
    description: String
    state: String
    createdAt: DateTime!
    updatedAt: DateTime
    project: Project
    defaultArtifactType: ArtifactType!
    tags: TagConnection!
    aliases(after: String, first: Int): ArtifactAliasConnection
    artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
    artifactMembership(aliasName: String!): ArtifactCollectionMembership
  }
  type ArtifactSequence implements ArtifactCollection {
    id: ID!
    name: String!
    description: String
    state: String
    createdAt: DateTime!
    updatedAt: DateTime
    project: Project
    defaultArtifactType: ArtifactType!
    tags: TagConnection!
    aliases(after: String, first: Int): ArtifactAliasConnection
    artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
    artifactMembership(aliasName: String!): ArtifactCollectionMembership
    latestArtifact: Artifact
    digestAlgorithm: ArtifactDigestAlgorithm
  }
  type ArtifactPortfolio implements ArtifactCollection {
    id: ID!
    name: String!
    description: String
    state: String
    createdAt: DateTime!
    updatedAt: DateTime
    project: Project
    defaultArtifactType: ArtifactType!
    tags: TagConnection!
    aliases(after: String, first: Int): ArtifactAliasConnection
    artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
    artifactMembership(aliasName: String!): ArtifactCollectionMembership
  }
  type ArtifactCollectionConnection { totalCount: Int! edges: [ArtifactCollectionEdge!]! pageInfo: PageInfo! }
  type ArtifactCollectionEdge { node: ArtifactCollection! cursor: String! }

  union ArtifactCreator = Run | User

  type Artifact {
    id: ID!
    artifactSequence: ArtifactSequence!
    versionIndex: Int
    artifactType: ArtifactType!
    description: String
    metadata: JSONString
    ttlDurationSeconds: Int64!
    ttlIsInherited: Boolean!
    tags: [Tag!]!
    historyStep: Int64
    state: ArtifactState!
    size: Int64!
    digest: String!
    digestAlgorithm: ArtifactDigestAlgorithm
    commitHash: String
    fileCount: Int!
    createdAt: DateTime!
    updatedAt: DateTime
    aliases: [ArtifactAlias!]!
    currentManifest: ArtifactManifest
    files(names: [String!], after: String, first: Int): FileConnection
    filesByManifestEntries(
      entries: [ArtifactManifestEntryInput!], storageLayout: String, manifestVersion: String, storageRegion: String
    ): FileConnection
    usedBy: RunConnection!
    createdBy: ArtifactCreator
    artifactMemberships: ArtifactCollectionMembershipConnection!
  }
  type ArtifactConnection { totalCount: Int! edges: [ArtifactEdge!]! pageInfo: PageInfo! }
  type ArtifactEdge { node: Artifact! cursor: String! }
  type VersionedArtifactConnection { totalCount: Int! edges: [VersionedArtifactEdge!]! pageInfo: PageInfo! }
  type VersionedArtifactEdge { version: String! node: Artifact! cursor: String! }

  type ArtifactAlias { id: ID! alias: String! artifactCollection: ArtifactCollection }
  type ArtifactAliasConnection { totalCount: Int! edges: [ArtifactAliasEdge!]! pageInfo: PageInfo! }
  type ArtifactAliasEdge { node: ArtifactAlias! cursor: String! }

  type ArtifactCollectionMembership {
    id: ID!
    versionIndex: Int
    createdAt: DateTime!
    aliases: [ArtifactAlias!]!
    artifactCollection: ArtifactCollection
    artifact: Artifact
    files(names: [String!], after: String, first: Int): FileConnection
  }
  type ArtifactCollectionMembershipConnection {
    edges: [ArtifactCollectionMembershipEdge!]!
    pageInfo: PageInfo!
  }
  type ArtifactCollectionMembershipEdge { node: ArtifactCollectionMembership! cursor: String! }

  type ArtifactManifest { id: ID! file: File! }

  input ArtifactAliasInput { entityName: String projectName: String artifactCollectionName: String! alias: String! }
  input ArtifactTagInput { tagName: String! tagCategoryName: String attributes: JSON }
  input CreateArtifactInput {
    entityName: String!
    projectName: String!
    runName: String
    artifactTypeName: String!
    artifactCollectionName: String
    artifactCollectionNames: [String!]
    digest: String!
    digestAlgorithm: ArtifactDigestAlgorithm
    description: String
    labels: JSONString
    metadata: JSONString
    aliases: [ArtifactAliasInput!]
    tags: [ArtifactTagInput!]
    clientID: ID
    sequenceClientID: ID
    enableDigestDeduplication: Boolean
    distributedID: String
    historyStep: Int64
    ttlDurationSeconds: Int64
    storageRegion: String
    clientMutationId: String
  }
  type CreateArtifactPayload { artifact: Artifact! }
  type ArtifactPayload { artifact: Artifact }

  input CreateArtifactManifestInput {
    artifactID: ID!
    baseArtifactID: ID
    name: String!
    digest: String!
    entityName: String!
    projectName: String!
    runName: String!
    type: ArtifactManifestType
    clientMutationId: String
  }
  input UpdateArtifactManifestInput {
    artifactManifestID: ID!
    digest: String
    baseArtifactID: ID
    clientMutationId: String
  }
  type ArtifactManifestPayload { artifactManifest: ArtifactManifest! }

  input UploadPartsInput { partNumber: Int64! hexMD5: String! }
  input ArtifactFileInput {
    artifactID: ID!
    artifactManifestID: ID
    name: String!
    md5: String!
    mimetype: String
    digest: String
    uploadPartsInput: [UploadPartsInput!]
  }
  input CreateArtifactFilesInput {
    artifactFiles: [ArtifactFileInput!]!
    storageLayout: ArtifactStorageLayout
    cloudRegionID: String
    digestAlgorithm: ArtifactDigestAlgorithm
    clientMutationId: String
  }
  type CreateArtifactFilesPayload { files: UploadFileConnection! }
  type UploadFileConnection { edges: [UploadFileEdge!]! }
  type UploadFileEdge { node: UploadFile! }
  "A file of an artifact that is about to be uploaded; without an `uploadUrl` its bytes are stored already."
  type UploadFile {
    id: ID!
    name: String!
    storagePath: String
    uploadUrl: String
    uploadHeaders: [String!]
    uploadMultipartUrls: UploadMultipartUrls
    artifact: Artifact!
  }
  type UploadMultipartUrls { uploadID: String! uploadUrlParts: [UploadUrlPart!]! }
  type UploadUrlPart { partNumber: Int64! uploadUrl: String! }

  input CompleteMultipartUploadArtifactInput {
    completeMultipartAction: CompleteMultipartAction!
    completedParts: [UploadPartsInput!]!
    artifactID: ID!
    storagePath: String!
    uploadID: String!
  }
  type CompleteMultipartUploadArtifactPayload { digest: String }

  input CommitArtifactInput { artifactID: ID! clientMutationId: String }
  input UseArtifactInput {
    entityName: String!
    projectName: String!
    runName: String!
    artifactID: ID!
    artifactEntityName: String
    artifactProjectName: String
    usedAs: String
    clientMutationId: String
  }
  input TagNameInput { tagName: String! }
  input UpdateArtifactInput {
    artifactID: ID!
    description: String
    metadata: JSONString
    ttlDurationSeconds: Int64
    tagsToAdd: [TagNameInput!]
    tagsToDelete: [TagNameInput!]
    clientMutationId: String
  }
  input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean clientMutationId: String }
  input AddAliasesInput { artifactID: ID! aliases: [ArtifactAliasInput!]! clientMutationId: String }
  input DeleteAliasesInput { artifactID: ID! aliases: [ArtifactAliasInput!]! clientMutationId: String }
  input LinkArtifactInput {
    artifactID: ID
    clientID: ID
    artifactPortfolioName: String!
    entityName: String!
    projectName: String!
    aliases: [ArtifactAliasInput!]
    clientMutationId: String
  }
  type LinkArtifactPayload { versionIndex: Int artifactMembership: ArtifactCollectionMembership }
  input UnlinkArtifactInput { artifactID: ID! artifactPortfolioID: ID! clientMutationId: String }

  input ArtifactManifestEntryInput { name: String! digest: String! birthArtifactID: String ref: String size: Int64 }
  """
