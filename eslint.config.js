import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['**/build/', 'models/', 'node_modules/', '.tap/', 'bundles/', '**/.venv/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Fastify handlers and engine methods are async by contract, whether or not they await.
      '@typescript-eslint/require-await': 'off',
      // tap's subtests return promises that tap itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: '@tapjs/core', name: ['test'] }] }
      ]
    }
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } }
)
