/// Sweeps. Source: protocol reference, section 14 and appendix A.
let sweepSchema = """
  type Sweep {
    id: ID!
    "The sweep id of its URL."
    name: String!
    displayName: String
    method: String!
    state: String!
    description: String
    bestLoss: Float
    "YAML."
    config: String!
    createdAt: DateTime!
    updatedAt: DateTime
    heartbeatAt: DateTime
    earlyStopJobRunning: Boolean
    controller: JSONString
    scheduler: JSONString
    controllerRunName: String
    runCount: Int!
    runCountExpected: Int
    project: Project!
    runs(after: String, first: Int): RunConnection!
    agents: AgentConnection!
    agent(agentName: String!): Agent
  }
  type SweepConnection { totalCount: Int! edges: [SweepEdge!]! pageInfo: PageInfo! }
  type SweepEdge { node: Sweep! cursor: String! }

  type Agent {
    id: ID!
    name: String!
    host: String!
    state: String
    totalRuns: Int!
    createdAt: DateTime!
    heartbeatAt: DateTime
    runs(after: String, before: String, first: Int, last: Int, order: String): RunConnection!
  }
  type AgentConnection { edges: [AgentEdge!]! }
  type AgentEdge { node: Agent! }

  input UpsertSweepInput {
    id: ID
    config: String
    description: String
    entityName: String
    projectName: String
    controller: JSONString
    launchScheduler: JSONString
    templateVariableValues: JSONString
    scheduler: JSONString
    state: String
    priorRunsFilters: JSONString
    displayName: String
    clientMutationId: String
  }
  type UpsertSweepPayload { sweep: Sweep! configValidationWarnings: [String!]! }
  input CreateAgentInput { host: String! projectName: String entityName: String sweep: String! }
  type CreateAgentPayload { agent: Agent! }
  input AgentHeartbeatInput { id: ID! metrics: JSONString runState: JSONString }
  type AgentHeartbeatPayload { agent: Agent! commands: JSONString! }
  """
