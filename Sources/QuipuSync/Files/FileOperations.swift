/// GraphQL operations for a run's files.
///
/// Source: http.md, section 9.7.
enum FileOperations {
  static let createRunFiles = """
    mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
      createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
        runID
        uploadHeaders
        files { name uploadUrl }
      }
    }
    """
}
