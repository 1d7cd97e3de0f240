"""Circulars (announcements and notices) and their deliveries."""

import apps.communications.models.announcements
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
        ('communications', '0002_what_was_written_stays'),
        ('consents', '0004_known_acts_and_ways'),
        ('mail', '0004_what_a_mail_answers'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Circular',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.communications.models.announcements.circular_reference, editable=False, max_length=20, unique=True)),
                ('kind', models.CharField(choices=[('release', 'release'), ('patch', 'patch'), ('update', 'update'), ('policy', 'change of the privacy policy')], max_length=10)),
                ('channel', models.CharField(choices=[('email', 'e-mail'), ('in_app', 'in the product'), ('sms', 'text message')], max_length=10)),
                ('subject', models.CharField(max_length=150)),
                ('words', models.TextField(help_text='Plain text, the same for everybody.', max_length=20000)),
                ('state', models.CharField(choices=[('draft', 'draft'), ('asked', 'waits for a second person'), ('approved', 'approved, waits for its moment'), ('sending', 'on its way'), ('paused', 'paused'), ('sent', 'sent'), ('cancelled', 'cancelled')], default='draft', editable=False, max_length=10)),
                ('send_at', models.DateTimeField(blank=True, help_text='In UTC. Empty: as soon as it is approved.', null=True, verbose_name='goes out at')),
                ('digest', models.BinaryField(help_text='SHA-256 of the words that were approved', max_length=32, null=True)),
                ('drafted_by', models.CharField(blank=True, editable=False, help_text='By reference.', max_length=60)),
                ('asked_by', models.CharField(blank=True, editable=False, help_text='By reference.', max_length=60)),
                ('approved_by', models.CharField(blank=True, editable=False, help_text='By reference.', max_length=60)),
                ('created_at', models.DateTimeField(editable=False)),
                ('asked_at', models.DateTimeField(editable=False, null=True)),
                ('approved_at', models.DateTimeField(editable=False, null=True)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('frozen_at', models.DateTimeField(editable=False, null=True, verbose_name='audience fixed at')),
                ('frozen_through', models.BigIntegerField(default=0, editable=False, help_text='The last person whom the fixing of the audience has looked at')),
                ('audience', models.PositiveIntegerField(default=0, editable=False, help_text='How many people it was meant for')),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('trouble', models.CharField(blank=True, editable=False, help_text='Kind of error only, which stopped it', max_length=80)),
                ('about_version', models.OneToOneField(blank=True, editable=False, help_text='Which version it tells of.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='notice', to='policies.policyversion')),
                ('purpose', models.ForeignKey(blank=True, editable=False, help_text='What a person must have allowed to get it. None: a notice.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consents.consentpurpose')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
            ],
            options={
                'permissions': [('approve_announcement', 'Can approve what goes to everybody who allowed announcements'), ('control_announcement', 'Can pause, resume and cancel what is on its way, and set its moment')],
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('communications.circular',),
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('communications.circular',),
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField(help_text='Yes while the consent under which it waits, or went, still stands.', null=True)),
                ('state', models.CharField(choices=[('waiting', 'waits its turn'), ('handed', 'handed over'), ('withdrawn', 'permission was gone'), ('not_active', 'account was not active'), ('no_address', 'no usable address'), ('cancelled', 'cancelled by staff')], default='waiting', max_length=10)),
                ('tries', models.PositiveSmallIntegerField(default=0, help_text='How often it was handed over: again after a pause took it back')),
                ('handed_at', models.DateTimeField(null=True)),
                ('unsubscribe_digest', models.BinaryField(help_text='SHA-256 of the token in its link; the token itself is kept nowhere.', max_length=32, null=True)),
                ('circular', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='communications.circular')),
                ('mail', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='mail.outgoingmail')),
                ('person', models.ForeignKey(db_index=False, help_text='Required. Held to answer and to notify.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.person')),
                ('purpose', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consents.consentpurpose')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'ordering': ['-id'],
            },
        ),
        migrations.AddIndex(
            model_name='circular',
            index=models.Index(fields=['state', '-id'], name='circular_by_state'),
        ),
        migrations.AddIndex(
            model_name='circular',
            index=models.Index(fields=['created_at', 'id'], name='circular_by_time'),
        ),
        migrations.AddConstraint(
            model_name='circular',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('about_version__isnull', True), ('kind__in', ('release', 'patch', 'update')), ('purpose__isnull', False)), models.Q(('about_version__isnull', False), ('channel', 'email'), ('kind', 'policy'), ('purpose__isnull', True)), _connector='OR'), name='an_announcement_needs_a_permission_and_a_notice_none'),
        ),
        migrations.AddConstraint(
            model_name='circular',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('draft', 'asked', 'cancelled')), ('kind', 'policy'), models.Q(('approved_at__isnull', False), ('digest__isnull', False), ('send_at__isnull', False), models.Q(('approved_by', ''), _negated=True), models.Q(('approved_by', models.F('asked_by')), _negated=True)), _connector='OR'), name='an_announcement_goes_on_the_word_of_two'),
        ),
        migrations.AddConstraint(
            model_name='circular',
            constraint=models.CheckConstraint(condition=models.Q(('started_at__isnull', False), models.Q(('state__in', ('sending', 'paused', 'sent')), _negated=True), _connector='OR'), name='what_is_on_its_way_says_since_when'),
        ),
        migrations.AddConstraint(
            model_name='circular',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ('sent', 'cancelled'))), models.Q(('ended_at__isnull', True), models.Q(('state__in', ('sent', 'cancelled')), _negated=True)), _connector='OR'), name='what_has_ended_says_when'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['circular', 'id'], name='delivery_waiting'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['circular', 'state'], name='delivery_by_state'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['person', 'purpose'], name='delivery_by_person'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('mail__isnull', False)), fields=['mail'], name='delivery_by_mail'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('unsubscribe_digest__isnull', False)), fields=['unsubscribe_digest'], name='delivery_by_link'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('circular', 'person'), name='nobody_gets_a_circular_twice'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('stands__isnull', True), models.Q(('purpose__isnull', False), ('stands', True)), _connector='OR'), name='a_delivery_never_rests_on_a_consent_that_fell'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'waiting'), _negated=True), ('purpose__isnull', True), models.Q(('purpose__isnull', False), ('stands', True)), _connector='OR'), name='an_announcement_waits_under_a_consent'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('handed_at__isnull', False), ('tries__gt', 0)), models.Q(('state', 'handed'), _negated=True), _connector='OR'), name='what_was_handed_over_says_when'),
        ),
    ]
