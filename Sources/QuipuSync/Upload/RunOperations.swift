/// The GraphQL operations of a run's upload, in our own words.
///
/// Source: http.md, section 9.
package enum RunOperations {
  static let upsert = """
    mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String, \
    $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String, $program: String, \
    $repo: String, $jobType: String, $sweep: String, $tags: [String!]) {
      upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $groupName, \
    displayName: $displayName, notes: $notes, commit: $commit, config: $config, host: $host, jobProgram: $program, \
    jobRepo: $repo, jobType: $jobType, sweep: $sweep, tags: $tags}) {
        bucket { id name displayName sweepName historyLineCount project { name entity { name } } }
        inserted
      }
    }
    """

  static let resumeStatus = """
    query RunResumeStatus($project: String, $entity: String, $name: String!) {
      model(name: $project, entityName: $entity) {
        name
        entity { name }
        bucket(name: $name, missingOk: true) {
          id name displayName summaryMetrics config tags notes
          historyLineCount eventsLineCount logLineCount historyTail eventsTail
          wandbConfig(keys: ["t"])
        }
      }
    }
    """

  static let rewind = """
    mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!, \
    $metricValue: Float!) {
      rewindRun(input: {runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName, \
    metricValue: $metricValue}) {
        rewoundRun {
          id name displayName config sweepName historyLineCount
          project { name entity { name } }
        }
      }
    }
    """

  static let alert = """
    mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, \
    $title: String!, $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
      notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName, \
    title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) { success }
    }
    """

  package static let viewer = """
    query Viewer { viewer { id entity username email flags teams { edges { node { name } } } } }
    """
}
