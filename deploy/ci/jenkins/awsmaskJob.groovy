// SPDX-License-Identifier: Apache-2.0
// vars/awsmaskJob.groovy of a shared library: awsmaskJob { sh "claude -p ..." } inside of a node { }.
def call(Closure body) {
    sh 'awsmask-job begin'
    try {
        body()
    } finally {
        sh 'awsmask-job end'
    }
}
