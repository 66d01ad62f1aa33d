/// GraphQL operations for artifacts.
///
/// Source: http.md, sections 12.4 to 12.6.
enum ArtifactOperations {
  static let createArtifact = """
    mutation CreateArtifact($input: CreateArtifactInput!) {
      createArtifact(input: $input) {
        artifact { id state artifactSequence { latestArtifact { id } } }
      }
    }
    """

  static let createArtifactManifest = """
    mutation CreateArtifactManifest(
      $artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!, $entityName: String!,
      $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!, $includeUpload: Boolean!
    ) {
      createArtifactManifest(input: {
        artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest,
        entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType
      }) {
        artifactManifest {
          id
          file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
        }
      }
    }
    """

  static let updateArtifactManifest = """
    mutation UpdateArtifactManifest(
      $artifactManifestID: ID!, $digest: String, $baseArtifactID: ID, $includeUpload: Boolean!
    ) {
      updateArtifactManifest(input: {
        artifactManifestID: $artifactManifestID, digest: $digest, baseArtifactID: $baseArtifactID
      }) {
        artifactManifest {
          id
          file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
        }
      }
    }
    """

  static let createArtifactFiles = """
    mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
      createArtifactFiles(input: $input) {
        files {
          edges {
            node {
              storagePath
              uploadUrl
              uploadHeaders
              uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
              artifact { id }
            }
          }
        }
      }
    }
    """

  static let completeMultipart = """
    mutation CompleteMultipartUploadArtifact(
      $completeMultipartAction: CompleteMultipartAction!, $completedParts: [UploadPartsInput!]!, $artifactID: ID!,
      $storagePath: String!, $uploadID: String!
    ) {
      completeMultipartUploadArtifact(input: {
        completeMultipartAction: $completeMultipartAction, completedParts: $completedParts, artifactID: $artifactID,
        storagePath: $storagePath, uploadID: $uploadID
      }) { digest }
    }
    """

  static let clientIDMapping = """
    query ClientIDMapping($clientID: ID!) { clientIDMapping(clientID: $clientID) { serverID } }
    """

  static let commitArtifact = """
    mutation CommitArtifact($artifactID: ID!) {
      commitArtifact(input: {artifactID: $artifactID}) { artifact { id digest } }
    }
    """

  static let useArtifact = """
    mutation UseArtifact($input: UseArtifactInput!) { useArtifact(input: $input) { artifact { id } } }
    """
}
